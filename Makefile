# All of it, as root, under sudo or as an ordinary user: what needs root asks sudo, and whoever owns the checkout builds.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PREFIX ?= /usr/local
user := scripts/as-user
root := scripts/as-root
S := .stamps
done = $(user) mkdir -p $(S) && $(user) touch $@

rust := $(shell find native -path native/target -prune -o -path native/fuzz -prune -o -type f \( -name '*.rs' -o -name 'Cargo.*' -o -name '*.toml' \) -print)
typescript := $(shell find src test bench -name '*.ts') tsconfig.json
corpus := $(shell find native/fuzz/corpus native/fuzz/fuzz_targets -type f)
cargo := --manifest-path native/Cargo.toml --locked

##  make demo    shows three machines on one private Ethernet, all on this one; needs root or sudo
.PHONY: demo
demo: build demo-packages
	@$(root) scripts/demo

##  make test    everything that's checked, end to end as well; needs root or sudo
.PHONY: test
test: check packages
	@echo '--- end to end'
	@$(root) scripts/run-tests e2e

##  make check   the fast part: format, lint, types, import rules, unit, property and vector tests, Rust
.PHONY: check
check: $(S)/lint build man completions $(S)/rust-tests
	@echo '--- unit, property and vector tests'
	@$(user) scripts/run-tests unit

##  make sim     plays networks under faults and attacks from new seeds, N=20 of them, or SEED=n and tells what happened; MEMBERS=8
.PHONY: sim
sim: build
	@$(user) env SEED='$(SEED)' N='$(N)' MEMBERS='$(MEMBERS)' node --enable-source-maps build/test/sim/main.js

##  make fuzz    tries the Rust parsers with N=10000 inputs each, or TARGETS="control mss"; needs a nightly Rust and cargo-fuzz
.PHONY: fuzz
fuzz: tools
	@$(user) scripts/fuzz '$(or $(N),10000)' $(TARGETS)

##  make deny    holds what's built in against native/deny.toml: licences, bans, sources; needs cargo-deny. Known faults, which it
##               fetches: cd native && cargo deny check advisories
.PHONY: deny
deny: tools
	@$(user) cargo deny --version >/dev/null 2>&1 || { echo 'Missing: cargo-deny'; echo '  install: cargo install cargo-deny --locked'; exit 1; } >&2
	@$(user) bash -c 'cd native && cargo deny --locked check licenses bans sources'

##  make check-systems  type-checks and lints the Rust addon for Windows and macOS; says which compilers it needs
.PHONY: check-systems
check-systems: tools
	@$(user) scripts/check-systems

##  make check-portable  runs end-to-end tests with what macOS and Windows get in place of Linux's own; needs root or sudo
.PHONY: check-portable
check-portable: build packages demo-packages
	@$(user) node_modules/.bin/napi build --platform --release --no-js --features portable --manifest-path native/Cargo.toml \
	  --output-dir build/portable/native
	@$(root) scripts/check-portable

##  make bench   compares the speed with that of other VPNs, in about 12 minutes; needs root or sudo. It may be told more:
##               make bench ROUNDS=3 SECONDS=1 SYSTEMS="plain p2p nebula" IDLE=1; see docs/benchmarks.md
.PHONY: bench
bench: build bench-rivals
	@echo '--- benchmark'
	@$(root) env ROUNDS='$(ROUNDS)' SECONDS='$(SECONDS)' SYSTEMS='$(SYSTEMS)' IDLE='$(IDLE)' \
	  node --enable-source-maps build/bench/main.js

##  make flood   measures what floods of garbage and replays leave of a TCP stream, in about six minutes; needs root or sudo.
##               ROUNDS=5 SECONDS=2; see docs/security.md
.PHONY: flood
flood: build packages
	@$(root) env ROUNDS='$(ROUNDS)' SECONDS='$(SECONDS)' node --enable-source-maps build/bench/flood.js

.PHONY: bench-packages
bench-packages: packages
	@$(root) scripts/bench-packages

.PHONY: bench-rivals
bench-rivals: bench-packages
	@$(user) scripts/bench-rivals

##  make reach   measures who reaches whom through which NATs, in about six minutes, and writes docs/reach.md; needs root or sudo
.PHONY: reach
reach: build packages
	@$(root) node --enable-source-maps build/test/reach/main.js

##  make docs    writes docs/commands.md and docs/schema/ anew, which are made from the code
.PHONY: docs
docs: build
	@$(user) node --enable-source-maps build/src/docs/main.js docs docs

##  make man     the manual pages p2p(1) and p2p-config(5), into build/man
.PHONY: man
man: build
	@$(user) node --enable-source-maps build/src/docs/main.js man build/man

##  make install        puts p2p where PREFIX says (/usr/local), below DESTDIR, with its service; make uninstall takes it away
.PHONY: install
install: build man completions
	@$(root) scripts/install '$(DESTDIR)' '$(PREFIX)'

.PHONY: uninstall
uninstall:
	@$(root) scripts/uninstall '$(DESTDIR)' '$(PREFIX)'

##  make deb     a Debian package, into build/, that brings its own Node.js along
.PHONY: deb
deb: build man completions deb-packages
	@$(user) scripts/make-deb

##  make try-deb  tries that package in an empty Debian 12 and 13 that run systemd: installs, runs, upgrades, removes and purges it; like all
##               that's called try-, it makes a system of its own, leaves nothing running, and needs root or sudo
.PHONY: try-deb
try-deb: deb
	@$(root) scripts/try/deb bookworm
	@$(root) scripts/try/deb trixie

##  make try-container  takes the steps of the container's files one by one, without an engine; two such containers meet
.PHONY: try-container
try-container: deb
	@$(root) scripts/try/container

##  make try-windows  tries the commands, the daemon and the service as Windows has them, under Wine
.PHONY: try-windows
try-windows: build
	@$(root) scripts/install-packages windows
	@$(root) scripts/try/windows

##  make try-openrc  tries p2p service in a Debian that runs OpenRC
.PHONY: try-openrc
try-openrc: build man completions deb-packages
	@$(root) scripts/try/openrc

##  make try-npm  has npm install its packages: with a prebuilt addon, and without one, which takes minutes
.PHONY: try-npm
try-npm: build deb-packages
	@$(root) env CARGO_BUILD_JOBS='$(CARGO_BUILD_JOBS)' scripts/try/npm

##  make try-readme  does what README says, word by word, as a newcomer with an empty Debian 12; takes many minutes, few with
##               ADDON=given, which takes this checkout's addon along
.PHONY: try-readme
try-readme: deb-packages
	@$(root) env CARGO_BUILD_JOBS='$(CARGO_BUILD_JOBS)' ADDON='$(ADDON)' scripts/try/readme

##  make try-versions  has daemons of this version and of the last one meet; FROM=REF says another; docs/releasing.md
.PHONY: try-versions
try-versions: build packages
	@$(user) scripts/try/versions '$(FROM)'

.PHONY: deb-packages
deb-packages:
	@$(root) scripts/install-packages deb

.PHONY: completions
completions: build
	@$(user) scripts/write-completions

##  make build   the Rust addon and the TypeScript
.PHONY: build
build: $(S)/typescript

##  make clean   removes everything that make made
.PHONY: clean
clean:
	rm -rf build bench/.rivals native/target native/fuzz/target native/fuzz/found native/*.node native/index.js native/index.d.ts node_modules $(S)

##  make help    this
.PHONY: help
help:
	@sed -n 's/^## //p' Makefile

.PHONY: tools
tools:
	@$(user) scripts/need-tools

.PHONY: demo-packages
demo-packages:
	@$(root) scripts/install-packages demo

.PHONY: packages
packages:
	@$(root) scripts/install-packages tests

# What the lock file says, which stays as it is. Not `npm ci`: some versions of it refuse a lock file that lacks optional
# packages of other platforms, and a registry needn't have them. Nothing here needs an install script.
$(S)/npm: package.json package-lock.json .npmrc | tools
	@echo '--- npm packages'
	@$(user) npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error --no-update-notifier
	@$(done)

$(S)/addon: $(rust) $(S)/npm
	@echo '--- Rust addon'
	@$(user) npm run --silent build:addon
	@$(done)

$(S)/typescript: $(typescript) $(S)/npm $(S)/addon
	@echo '--- TypeScript'
	@$(user) npm run --silent build:typescript
	@$(done)

$(S)/lint: $(typescript) $(S)/npm biome.json package.json
	@echo '--- format and lint'
	@$(user) npm run --silent lint
	@$(done)

$(S)/rust-tests: $(rust) $(corpus) test/vectors/wycheproof.json | tools
	@echo '--- Rust: format, lint, tests'
	@$(user) cargo fmt --manifest-path native/Cargo.toml --check
	@$(user) cargo clippy $(cargo) --quiet --all-targets -- -D warnings
	@$(user) cargo test $(cargo) --quiet
	@echo '--- Rust: what macOS and Windows get, on Linux'
	@$(user) cargo clippy $(cargo) --features portable --quiet --all-targets -- -D warnings
	@$(user) cargo test $(cargo) --features portable --quiet --lib
	@$(done)

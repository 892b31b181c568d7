# Sourced by the scripts beside it, which try p2p in systems of their own as its users will: a Debian below a folder, with
# namespaces and mounts of its own, booted by its own init where that matters. All is on one tmpfs that ends with the script, and
# nothing of the machine itself is mounted below it. Run them as root, by make. What's kept is build/try/SUITE.tar, an empty Debian.
source "$(dirname "${BASH_SOURCE[0]}")/../environment.sh"
cd "$root"
readonly trial=try-${0##*/}
readonly PLAIN=(env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8)
readonly TRUSTED=/etc/ssl/certs/ca-certificates.crt

wanted() { echo "$trial: $*" >&2; exit 1; }

# Makes the empty Debian that systems are laid from, unless it's there: SUITE, or SUITE-slim, which has no systemd.
empty_debian() { # SUITE|SUITE-slim
  local scratch init=(--include=systemd)
  [[ -f build/try/$1.tar ]] && return
  if [[ $1 == *-slim ]]; then init=(); fi
  echo "An empty Debian, $1, is made"
  mkdir -p build/try
  scratch=$(mktemp -d)
  debootstrap --variant=minbase "${init[@]}" "${1%-slim}" "$scratch/system" "$(mirror)" > "$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }
  tar -C "$scratch/system" -cf "build/try/$1.tar.new" .
  mv "build/try/$1.tar.new" "build/try/$1.tar"
  rm -rf --one-file-system "$scratch"
}

# Where this machine has its Debian packages from.
mirror() { apt-get indextargets --format '$(SITE) $(CODENAME)' | awk '$2 !~ /-/ {print $1; exit}'; }

# Goes on in namespaces of its own, but for the network, whose registries are needed; returns there alone. $work is the tmpfs.
apart() { # ARGUMENT OF THE SCRIPT...
  if [[ ${P2P_TRY_APART:-} != yes ]]; then
    P2P_TRY_APART=yes exec unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc "$0" "$@"
  fi
  work=$(mktemp -d)
  mount -t tmpfs -o mode=755 tmpfs "$work"
  # Everybody's in these namespaces ends with this process, their mounts with the last of them.
  trap 'cd /; umount -l "$work"; rmdir "$work"' EXIT
}

# Lays a system out as $work/NAME: an empty Debian, or a copy of another system.
lay() { # NAME SUITE|SYSTEM
  local system=$work/$1
  mkdir "$system"
  # A mount of its own, as the root of a machine is one: systemd counts on that.
  mount -t tmpfs -o mode=755 tmpfs "$system"
  if [[ -d $2 ]]; then tar -C "$2" --one-file-system -c . | tar -C "$system" -x; else tar -C "$system" -xf "build/try/$2.tar"; fi
  mount -t proc proc "$system/proc"
  # The devices of a container, the last with the mode that udev gives it.
  mkdir -p "$system/dev/net" "$system/dev/pts" "$system/dev/shm"
  device "$system" null 1 3
  device "$system" zero 1 5
  device "$system" full 1 7
  device "$system" random 1 8
  device "$system" urandom 1 9
  device "$system" tty 5 0
  device "$system" net/tun 10 200
}

device() { # SYSTEM NAME MAJOR MINOR
  rm -f "$1/dev/$2"
  mknod -m 666 "$1/dev/$2" c "$3" "$4"
}

# Lends a system this machine's network: its own name, its resolver, and which certificates it trusts.
lend_network() { # SYSTEM
  echo "127.0.0.1 localhost $(uname -n)" > "$1/etc/hosts"
  cp /etc/resolv.conf "$1/etc/resolv.conf"
  mkdir -p "$1/etc/ssl/certs"
  cp "$TRUSTED" "$1$TRUSTED"
}

# Lends a system this machine's Node.js and npm.
lend_node() { # SYSTEM
  local npm
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  install -D -m 755 "$(node -p process.execPath)" "$1/usr/local/bin/node"
  mkdir -p "$1/usr/local/lib/node_modules"
  cp -r "$npm" "$1/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
}

# Installs Rust for a user by rustup, as its own script does that rustup.rs has; this machine's rustup is the installer.
lend_rustup() { # SYSTEM USER
  install -m 755 "$(command -v rustup)" "$1/usr/local/bin/rustup-init"
  inside "$1" runuser -u "$2" -- env "HOME=/home/$2" rustup-init -y --no-modify-path --profile minimal > "$1.rustup.log" 2>&1 || { cat "$1.rustup.log" >&2; exit 1; }
  rm "$1/usr/local/bin/rustup-init"
}

# Runs a command in a system that needn't be booted, with the machine's network.
inside() { # SYSTEM COMMAND...
  "${PLAIN[@]}" "SSL_CERT_FILE=$TRUSTED" "NODE_EXTRA_CA_CERTS=$TRUSTED" chroot "$@"
}

# What a machine's own init finds mounted, and what a program in a container does: there /proc/sys can't be written to.
readonly AS_MACHINE='
  mount -t proc proc /proc
  mount -t sysfs -o ro sysfs /sys
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  mount -t tmpfs -o mode=755 tmpfs /run
  mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts
  ln -sf pts/ptmx /dev/ptmx'
readonly AS_CONTAINER='
  mount -t proc proc /proc
  mount --bind /proc/sys /proc/sys
  mount -o remount,bind,ro /proc/sys
  mount -t sysfs -o ro sysfs /sys'

# Boots a system by a command that becomes its process 1, in a network namespace of its own; what it says is in SYSTEM.log.
boot() { # SYSTEM MOUNTS COMMAND...
  local system=$1 mounts=$2 outer tries
  shift 2
  unshare --net --pid --mount --ipc --uts --cgroup --fork --kill-child "${PLAIN[@]}" chroot "$system" \
    sh -ec "$mounts"'; exec "$@"' sh "$@" >> "$system.log" 2>&1 &
  outer=$!
  for tries in {1..100}; do
    if pgrep -P "$outer" > "$system.pid"; then break; fi
    sleep 0.05
  done
  nsenter -t "$(init_of "$system")" --net ip link set lo up
}

# The process, seen from here, that is a booted system's first.
init_of() { cat "$1.pid"; } # SYSTEM

# Runs a command in a booted system.
booted() { # SYSTEM COMMAND...
  local system=$1
  shift
  nsenter -t "$(init_of "$system")" --net --pid --mount --ipc --uts --cgroup --root --wd "${PLAIN[@]}" "$@"
}

# Ends a booted system with all its processes, as a power cut does.
cut_power() { # SYSTEM
  kill -KILL "$(init_of "$1")"
  until_so "the end of $1" gone "$(init_of "$1")"
}
gone() { [[ ! -d /proc/$1 ]]; }

# Waits until a command succeeds, 60 s at most.
until_so() { # WHAT COMMAND...
  local what=$1 until=$((SECONDS + 60))
  shift
  while [[ $SECONDS -lt $until ]]; do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  wanted "$what didn't come about: $*: $("$@" 2>&1 || true)"
}

# Shows a command as a person would type it, and runs it.
told() { # inside|booted SYSTEM COMMAND...
  printf '\n# %s\n' "${*:3}"
  "$@" 2>&1
}

# A cable between two booted systems: eth0 at both ends, 192.0.2.1 and 192.0.2.2.
cable() { # SYSTEM SYSTEM
  ip link add eth0 netns "$(init_of "$1")" type veth peer name eth0 netns "$(init_of "$2")"
  nsenter -t "$(init_of "$1")" --net sh -ec 'ip address add 192.0.2.1/24 dev eth0; ip link set eth0 up'
  nsenter -t "$(init_of "$2")" --net sh -ec 'ip address add 192.0.2.2/24 dev eth0; ip link set eth0 up'
}

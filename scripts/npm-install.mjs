// What `npm install` runs in the package: an addon for this system came along, or it's built here from its source.
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const native = fileURLToPath(new URL('../native/', import.meta.url));
const LIBRARY = { linux: 'libp2p_native.so', darwin: 'libp2p_native.dylib', win32: 'p2p_native.dll' };

async function loads() {
  const { addonFiles } = await import('../build/src/device/addon-files.js');
  return addonFiles().some((file) => {
    try {
      createRequire(import.meta.url)(file);
      return true;
    } catch {
      return false;
    }
  });
}

function build() {
  console.error(
    `p2p: no prebuilt addon for ${process.platform} ${process.arch} came along: building it, which takes some minutes`,
  );
  const target = mkdtempSync(join(tmpdir(), 'p2p-addon-'));
  try {
    if (!compiles(target)) {
      process.exitCode = 1;
      return;
    }
    const built = join(target, 'release', LIBRARY[process.platform]);
    copyFileSync(built, `${native}p2p.${process.platform}-${process.arch}.node`);
  } finally {
    rmSync(target, { recursive: true });
  }
}

function compiles(target) {
  const builder = caller();
  if (builder.uid !== undefined) chownSync(target, builder.uid, builder.gid);
  const env = { ...process.env, ...builder.env, CARGO_TARGET_DIR: target };
  const arguments_ = ['build', '--release', '--locked', '--manifest-path', `${native}Cargo.toml`];
  const { uid, gid } = builder;
  const { status, error } = spawnSync('cargo', arguments_, { stdio: 'inherit', env, uid, gid, cwd: native });
  if (error === undefined && status === 0) return true;
  const needed = readFileSync(`${native}Cargo.toml`, 'utf8').match(/^rust-version = "(.*)"$/m)?.[1];
  const why = error === undefined ? `cargo ended with ${status}` : 'there is no cargo on the PATH';
  console.error(
    `p2p: the addon could not be built: ${why}. It takes Rust ${needed} or newer (rustup.rs) and a C compiler`,
  );
  return false;
}

/** Rust is a person's own, in the home of whoever calls sudo; root lacks it, and has no business in there. */
function caller() {
  const { SUDO_UID, SUDO_GID, SUDO_USER } = process.env;
  const home = process.env.HOME ?? '/root';
  const path = (home) => `${process.env.PATH}:${home}/.cargo/bin`;
  if (process.getuid?.() !== 0 || SUDO_UID === undefined) return { env: { PATH: path(home) } };
  const theirs = execFileSync('getent', ['passwd', SUDO_USER], { encoding: 'utf8' }).split(':')[5] ?? home;
  return { uid: Number(SUDO_UID), gid: Number(SUDO_GID), env: { HOME: theirs, PATH: path(theirs) } };
}

// In a checkout `make` builds.
if (!existsSync(new URL('../Makefile', import.meta.url)) && !(await loads())) build();

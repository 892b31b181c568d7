// What `npm install` runs in the package: the addon for this platform is in it already, or it's built here from its source.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const native = fileURLToPath(new URL('../native/', import.meta.url));
const ours = `p2p.${process.platform}-${process.arch}`;

/** Whether one of the addons that came along is for this system's C library. */
function loads() {
  return readdirSync(native).some((file) => {
    if (!file.startsWith(ours) || !file.endsWith('.node')) return false;
    try {
      createRequire(import.meta.url)(native + file);
      return true;
    } catch {
      return false;
    }
  });
}

function build() {
  console.error(
    `p2p: no prebuilt addon for ${process.platform} ${process.arch} is in the package: building it, which takes some minutes`,
  );
  const arguments_ = ['build', '--release', '--locked', '--manifest-path', `${native}Cargo.toml`];
  const { status, error } = spawnSync('cargo', arguments_, { stdio: 'inherit' });
  if (error !== undefined || status !== 0) {
    const needed = readFileSync(`${native}Cargo.toml`, 'utf8').match(/^rust-version = "(.*)"$/m)?.[1];
    console.error(
      `p2p: the addon could not be built; it takes Rust ${needed} or newer (rustup.rs) and a C compiler: ${error?.message ?? `cargo ended with ${status}`}`,
    );
    process.exit(1);
  }
  const library = { linux: 'libp2p_native.so', darwin: 'libp2p_native.dylib', win32: 'p2p_native.dll' }[
    process.platform
  ];
  copyFileSync(`${native}target/release/${library}`, `${native}${ours}.node`);
  rmSync(`${native}target`, { recursive: true });
}

// In a checkout `make` builds.
if (!existsSync(new URL('../Makefile', import.meta.url)) && !loads()) build();

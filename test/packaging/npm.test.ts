/** The npm packages: what's in them, and that what npm would unpack runs, or says what it lacks. `make try-npm` has npm install them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

test('npm packs what runs and what builds the addon, and nothing that only developers need', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--no-update-notifier'], {
    cwd: ROOT,
  });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  for (const needed of [
    'bin/p2p',
    'build/src/main.js',
    'build/src/discovery/dht/child.js',
    'scripts/npm-install.mjs',
    'native/Cargo.toml',
    'native/Cargo.lock',
    'native/build.rs',
    'native/src/lib.rs',
    'platform/linux/p2p.service',
    'platform/linux/p2p.openrc',
    'README.md',
    'LICENSE',
  ])
    assert.ok(paths.includes(needed), needed);
  const needless = paths.filter((path) =>
    /^(test|bench|build\/(test|bench))\/|\.map$|\.ts$|fuzz|tests\.rs$/.test(path),
  );
  assert.deepEqual(needless, []);
});

test('with the package of this system p2p runs as it is unpacked; without it, what the build lacks is said', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'p2p-npm-'));
  try {
    const packed = join(folder, 'packed');
    const { stdout } = await run(join(ROOT, 'platform/npm/pack.mjs'), [packed], { maxBuffer: 1e7 });
    const [main, ...platforms] = stdout.trim().split('\n').reverse();
    assert.ok(main !== undefined && platforms.length > 0, stdout);
    const modules = join(folder, 'lib/node_modules');
    const program = join(modules, 'p2p');
    await unpack(main, program);
    assert.deepEqual(
      readdirSync(join(program, 'native')).filter((name) => name.endsWith('.node')),
      [],
    );
    await linkDependencies(join(program, 'node_modules'));

    const lacking = await install(program, '/nonexistent').catch((error) => error);
    assert.equal(lacking.code, 1);
    assert.match(lacking.stderr, /no prebuilt addon for \w+ \w+ came along: building it/);
    assert.match(lacking.stderr, /there is no cargo on the PATH\. It takes Rust 1\.\d+ or newer/);

    for (const archive of platforms) await unpack(archive, join(modules, nameOf(archive)));
    const { stdout: said, stderr } = await install(program, '/nonexistent');
    assert.equal(said + stderr, '', 'nothing is built');
    const native = `${program}/build/src/device/native.js`;
    const loaded = await run(process.execPath, ['-e', `import('${native}').then((n) => console.log(n.monotonicMs()))`]);
    assert.match(loaded.stdout, /^\d+/);
    const version = await run(join(program, 'bin/p2p'), ['version', '--socket', join(folder, 'none')]);
    assert.match(version.stdout, /^p2p \d+\.\d+\.\d+\n/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

async function unpack(archive: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await run('tar', ['-xzf', archive, '-C', folder, '--strip-components=1']);
}

/** What npm would fetch from its registry is the checkout's. */
async function linkDependencies(modules: string): Promise<void> {
  const { stdout } = await run(join(ROOT, 'scripts/production-packages'), [], { cwd: ROOT });
  for (const path of stdout.trim().split('\n')) {
    const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
    if (name === undefined) continue;
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, path), join(modules, name));
  }
}

/** As npm runs it, with nothing but that folder on its PATH. */
function install(program: string, path: string): Promise<{ stdout: string; stderr: string }> {
  const env = { PATH: path, HOME: '/nonexistent' };
  return run(process.execPath, [join(program, 'scripts/npm-install.mjs')], { env });
}

function nameOf(archive: string): string {
  return archive.replace(/^.*\//, '').replace(/-\d+\.\d+\.\d+.*\.tgz$/, '');
}

/** An installation as `make install` makes it, below a folder: what's in it runs by itself, and all of it goes again. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

test('what is installed runs without the checkout, and uninstall leaves nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'p2p-install-'));
  const destination = join(folder, 'tree');
  // What a system has already stays as it is: its root, too, when that's what is installed to.
  const prefix = join(destination, 'usr/local');
  mkdirSync(prefix, { recursive: true });
  chmodSync(destination, 0o751);
  chmodSync(prefix, 0o2775);
  try {
    await run(join(ROOT, 'scripts/install'), [destination, '/usr/local']);
    const at = (path: string) => join(destination, 'usr/local', path);
    const { stdout } = await run(at('bin/p2p'), ['version', '--socket', join(folder, 'none')]);
    assert.match(stdout, /^p2p \d+\.\d+\.\d+\n/);
    // The daemon's parts as well: what it loads is all there, and what's wrong is said in its own words.
    const refused = await run(at('bin/p2p'), ['check-config', '/dev/null']).catch((error) => error);
    assert.match(refused.stdout, /is right/);
    assert.match(
      readFileSync(at('lib/systemd/system/p2p.service'), 'utf8'),
      /^ExecStart=\/usr\/local\/bin\/p2p daemon$/m,
    );
    for (const path of ['share/man/man1/p2p.1', 'share/bash-completion/completions/p2p', 'lib/sysusers.d/p2p.conf'])
      assert.ok(statSync(at(path)).size > 100, path);
    assert.equal(statSync(at('lib/p2p/package.json')).mode & 0o777, 0o644, 'all may read it');

    assert.deepEqual(
      [destination, prefix].map((path) => statSync(path).mode & 0o7777),
      [0o751, 0o2775],
    );

    await run(join(ROOT, 'scripts/install'), [destination, '/usr/local']);
    await run(join(ROOT, 'scripts/uninstall'), [destination, '/usr/local']);
    const left = readdirSync(destination, { recursive: true, withFileTypes: true }).filter(
      (entry) => !entry.isDirectory(),
    );
    assert.deepEqual(left, []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('uninstall where nothing was installed says so', async () => {
  const failed = await run(join(ROOT, 'scripts/uninstall'), ['/nonexistent', '/usr/local']).catch((error) => error);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /^Nothing was installed below \/nonexistent\/usr\/local by make install/);
});

test('a PREFIX that is no path is refused', async () => {
  const failed = await run(join(ROOT, 'scripts/install'), ['', 'usr']).catch((error) => error);
  assert.equal(failed.code, 2);
  assert.match(failed.stderr, /^PREFIX: expected an absolute path, got usr/);
});

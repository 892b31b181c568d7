/** Programs that a service could run, and those that it couldn't. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outOfReach, outOfTrust } from '../../src/service/out-of-reach.js';

const OPEN = 0o40755;
const modes = (closed: Readonly<Record<string, number>>) => (path: string) => closed[path] ?? OPEN;

test('a program that everybody may read is within reach', () => {
  for (const path of ['/usr/bin/node', '/opt/node 20/bin/node', '/homes/p2p', '/usr/local/lib/p2p/bin/p2p'])
    assert.equal(outOfReach(path, modes({})), null, path);
});

test('what is in a home, in a temporary folder or behind closed doors is not, and the words name it', () => {
  for (const folder of ['root', 'home', 'Users', 'tmp', 'var/tmp']) {
    const path = `/${folder}/p2p/bin/p2p`;
    assert.equal(outOfReach(path, modes({})), `${path} is below /${folder}/, where the service's own user can't read`);
  }
  const cases = [
    [
      '/opt/p2p/bin/p2p',
      { '/opt/p2p': 0o40700 },
      '/opt/p2p, where /opt/p2p/bin/p2p is, is closed to others, and the service has a user of its own',
    ],
    [
      '/opt/p2p/node',
      { '/opt/p2p/node': 0o100700 },
      '/opt/p2p/node is readable for its owner alone, and the service has a user of its own',
    ],
    ['/opt/a\nb', {}, "/opt/a\nb has a character that a service's file can't have"],
  ] as const;
  for (const [path, closed, words] of cases) assert.equal(outOfReach(path, modes(closed)), words);
});

test('nothing that a person can change is run with all rights of Windows', () => {
  assert.equal(
    outOfTrust('C:\\Users\\ada\\AppData\\Roaming\\npm\\node_modules\\p2p\\bin\\p2p'),
    'C:\\Users\\ada\\AppData\\Roaming\\npm\\node_modules\\p2p\\bin\\p2p is below C:\\Users\\, where its owner could change what the service runs',
  );
  assert.equal(outOfTrust('C:\\Program Files\\p2p\\bin\\p2p'), null);
});

/** What network devices are called, and what's said when there can be none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemDevice } from '../../src/daemon/system-device.js';
import { parseDevice } from '../../src/rpc/fields.js';

test('a device gets a name that its system takes', () => {
  const names = (platform: NodeJS.Platform) => [0, 1, 63].map((n) => systemDevice(platform).name(n));
  assert.deepEqual(names('linux'), ['p2p0', 'p2p1', 'p2p63']);
  assert.deepEqual(names('win32'), ['p2p0', 'p2p1', 'p2p63']);
  // The system has interfaces of two ends by this name only.
  assert.deepEqual(names('darwin'), ['feth10000', 'feth10001', 'feth10063']);
  for (const name of [...names('darwin'), ...names('linux')]) assert.equal(parseDevice(name), name);
});

test('what is missing is said in the words of the system', () => {
  assert.match(systemDevice('linux').missing('No such file'), /modprobe tun \(No such file\)/);
  assert.match(systemDevice('linux').rights, /CAP_NET_ADMIN/);
  assert.equal(systemDevice('win32').missing('the driver is missing'), 'the driver is missing');
  assert.match(systemDevice('win32').rights, /administrator/);
  assert.match(systemDevice('darwin').rights, /sudo/);
});

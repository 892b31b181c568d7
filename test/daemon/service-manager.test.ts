import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { heldFiles, ServiceManager } from '../../src/daemon/service-manager.js';

function managed(t: TestContext, environment: NodeJS.ProcessEnv) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const told: string[] = [];
  const problems: string[] = [];
  const notify = (socket: string, message: string) => {
    if (socket === '/gone') throw new Error('no such socket');
    told.push(`${socket} ${message}`);
  };
  const manager = ServiceManager.of(environment, 77, notify, (problem) => problems.push(problem));
  return { manager, told, problems };
}

test('a daemon that no manager started says nothing', (t) => {
  const { manager, told } = managed(t, { WATCHDOG_USEC: '1000000' });
  manager.ready();
  t.mock.timers.tick(5_000);
  manager.stopping();
  assert.deepEqual(told, []);
});

test('it feeds the watchdog twice in its time, from when it is ready until it ends', (t) => {
  const environment = { NOTIFY_SOCKET: '@n', WATCHDOG_USEC: '3000000', WATCHDOG_PID: '77', PATH: '/bin' };
  const { manager, told } = managed(t, environment);
  assert.deepEqual(environment, { PATH: '/bin' }, 'nothing that it starts speaks in its name');
  t.mock.timers.tick(10_000);
  manager.ready();
  t.mock.timers.tick(3_000);
  manager.stopping();
  t.mock.timers.tick(10_000);
  assert.deepEqual(told, ['@n READY=1', '@n WATCHDOG=1', '@n WATCHDOG=1', '@n STOPPING=1']);
});

test("a watchdog that's another's, or that makes no sense, isn't fed", (t) => {
  for (const more of [
    { WATCHDOG_USEC: '3000000', WATCHDOG_PID: '78' },
    { WATCHDOG_USEC: 'soon' },
    { WATCHDOG_USEC: '0' },
  ]) {
    const { manager, told } = managed(t, { NOTIFY_SOCKET: '@n', ...more });
    manager.ready();
    t.mock.timers.tick(60_000);
    assert.deepEqual(told, ['@n READY=1']);
    t.mock.timers.reset();
  }
});

test("a manager that can't be told is a problem, not the end", (t) => {
  const { manager, problems } = managed(t, { NOTIFY_SOCKET: '/gone' });
  manager.ready();
  assert.deepEqual(problems, ["the service manager can't be told READY=1: no such socket"]);
});

test('files that the manager has opened are taken by their names, by the process that they are for', () => {
  const environment = () => ({ LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'other:hosts', HOME: '/' });
  const ours = environment();
  assert.deepEqual(
    [...heldFiles(ours, 7)],
    [
      ['other', 3],
      ['hosts', 4],
    ],
  );
  assert.deepEqual(ours, { HOME: '/' }, 'no program that the daemon starts is told of them');
  assert.equal(heldFiles(environment(), 8).size, 0);
  assert.equal(heldFiles({ LISTEN_PID: '7', LISTEN_FDS: 'x', LISTEN_FDNAMES: 'hosts' }, 7).size, 0);
  assert.equal(heldFiles({}, 7).size, 0);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forPeople, Log } from '../../src/daemon/log.js';

function logged(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  return { log: new Log({ write: (line) => lines.push(line) }, 'INFO'), lines };
}

test('lines are JSON, with the level in words', () => {
  const { log, lines } = logged();
  log.daemon.warn({ socket: '/s' }, 'careful');
  log.daemon.debug('not shown');
  const [line, ...more] = lines.map((text) => JSON.parse(text) as Record<string, unknown>);
  assert.deepEqual(more, []);
  assert.deepEqual({ ...line, time: '' }, { level: 'WARNING', time: '', socket: '/s', msg: 'careful' });
  assert.match(String(line?.['time']), /^\d{4}-\d\d-\d\dT/);
});

test('a network has a level of its own until the daemon gets a new one', () => {
  const { log, lines } = logged();
  log.setNetworkLevel('ab', 'TRACE');
  log.network('ab').trace('shown');
  log.network('cd').trace('not shown');
  assert.deepEqual([log.level, log.levelOf('ab'), log.levelOf('cd')], ['INFO', 'TRACE', 'INFO']);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /"network":"ab"/);
  log.setLevel('ERROR');
  assert.deepEqual([log.level, log.levelOf('ab'), log.levelOf('cd')], ['ERROR', 'ERROR', 'ERROR']);
});

test('people get one line, and nothing that moves their cursor', () => {
  const { log, lines } = logged();
  log.network('ab').info({ name: '\u001b[2J', rtt: 3 }, 'a peer\nconnected');
  assert.match(
    forPeople(lines[0] ?? ''),
    /^\d\d:\d\d:\d\d\.\d{3} INFO {4}a peer\\x0aconnected network=ab name=\\x1b\[2J rtt=3\n$/,
  );
  log.daemon.error({ err: new Error('broken') }, 'unexpected error');
  assert.match(forPeople(lines[1] ?? ''), /^\S+ ERROR {3}unexpected error\nError: broken\n +at /);
});

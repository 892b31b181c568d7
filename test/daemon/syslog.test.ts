import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Syslog, syslogMessage } from '../../src/daemon/syslog.js';

const LINE = { time: '2026-11-01T12:00:00.000Z', level: 'WARNING', msg: 'careful', network: 'ab' } as const;

test('a message is what syslog(3) writes: priority, local time, who, and one line', () => {
  const zone = process.env['TZ'];
  process.env['TZ'] = 'UTC';
  try {
    assert.equal(syslogMessage(LINE, 7), '<28>Nov  1 12:00:00 p2p[7]: WARNING careful network=ab');
    const error = { ...LINE, level: 'ERROR', err: { stack: 'Error: x\n at y' } } as const;
    assert.match(syslogMessage(error, 7), /^<27>.* Error: x {2}at y$/);
    assert.match(syslogMessage({ ...LINE, msg: 'a\nb\u001b[2J' }, 7), / a\\x0ab\\x1b\[2J network=ab$/);
    assert.ok(syslogMessage({ ...LINE, msg: 'x'.repeat(100_000) }, 7).length < 4_200);
    for (const [level, priority] of Object.entries({ TRACE: 31, DEBUG: 31, INFO: 30, WARNING: 28, ERROR: 27 }))
      assert.ok(syslogMessage({ ...LINE, level: level as typeof LINE.level }, 7).startsWith(`<${priority}>`), level);
  } finally {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  }
});

test('that nobody takes the log is said once, and again after it worked; nothing waits', () => {
  const [sent, said]: [string[], string[]] = [[], []];
  let isThere = false;
  const send = (socket: string, message: string) => {
    if (!isThere) throw new Error('Connection refused');
    sent.push(`${socket} ${message}`);
  };
  const syslog = new Syslog('/dev/log', 7, send, (problem) => said.push(problem));
  const write = () => syslog.write(JSON.stringify(LINE));
  write();
  write();
  assert.deepEqual(said, ['syslog: nobody takes the log at /dev/log: Connection refused']);
  isThere = true;
  write();
  assert.match(sent.join(), /^\/dev\/log <28>/);
  isThere = false;
  write();
  assert.equal(said.length, 2);
});

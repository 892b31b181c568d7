/** What other programs print, as the benchmark reads it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRollup, parseStat } from '../../bench/processes.js';
import { parseIperf, parsePing } from '../../bench/programs.js';
import { parseVersion } from '../../bench/systems/system.js';

test('iperf3: what was received counts', () => {
  const tcp = { end: { sum_sent: { bits_per_second: 9e6 }, sum_received: { bits_per_second: 8e6, bytes: 2_000_000 } } };
  assert.deepEqual(parseIperf(JSON.stringify(tcp)), { megabits: 8, bytes: 2_000_000, packets: 0 });
  const udp = { end: { sum: { seconds: 2, bytes: 128_000, packets: 1000, lost_packets: 250 } } };
  assert.deepEqual(parseIperf(JSON.stringify(udp)), { megabits: 0.384, bytes: 96_000, packets: 375 });
});

test('iperf3: a failure is no figure', () => {
  assert.equal(parseIperf(''), null);
  assert.equal(parseIperf('{"start":{},"end":{},"error":"unable to connect"}'), null);
  assert.equal(parseIperf('{"error":"no end"}'), null);
});

test('ping: each time that came back', () => {
  const text = [
    'PING 10.77.0.2 (10.77.0.2) 56(84) bytes of data.',
    '64 bytes from 10.77.0.2: icmp_seq=1 ttl=64 time=0.123 ms',
    '64 bytes from 10.77.0.2: icmp_seq=3 ttl=64 time=12.5 ms',
    '3 packets transmitted, 2 received, 33% packet loss, time=40ms',
  ].join('\n');
  assert.deepEqual(parsePing(text), [0.123, 12.5]);
});

test('proc: a name with brackets and spaces shifts nothing', () => {
  const line = '42 (a ) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 250 130 7 9 20 0 1 0 12345 0 0';
  assert.equal(parseStat(line), 380);
  assert.equal(parseStat(''), 0);
});

test('proc: PSS, and none of its parts', () => {
  assert.equal(parseRollup('Rss:  900 kB\nPss:                 512 kB\nPss_Dirty:   100 kB\n'), 512 * 1024);
  assert.equal(parseRollup(''), 0);
});

test('versions: the number, and no digit of a name', () => {
  assert.equal(parseVersion('tinc version 1.0.36\nCopyright 1998'), '1.0.36');
  assert.equal(parseVersion('Welcome to n2n v.1.3.2 for unknown'), '1.3.2');
  assert.equal(parseVersion('fastd v22'), '22');
  assert.equal(parseVersion('v0.0.0-20260522-ecfc5a8'), '0.0.0-20260522-ecfc5a8');
  assert.equal(parseVersion('unknown'), null);
});

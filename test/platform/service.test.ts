/** What systemd itself says of the service unit, offline. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const UNIT = fileURLToPath(new URL('../../../platform/linux/p2p.service', import.meta.url));
/** What systemd-analyze calls the exposure, from 0 to 10, times ten. */
const MOST_EXPOSURE = 25;

const analyze = (...args: string[]) =>
  spawnSync('systemd-analyze', args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C', SYSTEMD_EMOJI: '0' } });
const isMissing = analyze('--version').status !== 0 && 'systemd-analyze is missing (Debian package systemd)';

test('its exposure is at most 2.5', { skip: isMissing }, (t) => {
  const { status, stdout, stderr } = analyze('security', '--offline=true', `--threshold=${MOST_EXPOSURE}`, UNIT);
  const exposure = /exposure level for p2p\.service: ([\d.]+)/.exec(stdout)?.[1];
  assert.ok(exposure !== undefined, stdout + stderr);
  t.diagnostic(`exposure ${exposure}`);
  assert.equal(status, 0, stdout);
  assert.ok(Number(exposure) * 10 <= MOST_EXPOSURE, exposure);
});

test('all in it is known to systemd', { skip: isMissing }, () => {
  const { stderr } = analyze('verify', '--man=no', '--recursive-errors=no', UNIT);
  // That the program isn't installed on the machine that tests is no fault of the unit's.
  const complaints = stderr
    .split('\n')
    .filter((line) => line.includes('p2p.service') && !/p2p is not executable/.test(line));
  assert.deepEqual(complaints, []);
});

test('the daemon gets CAP_NET_ADMIN, and what the docs say', () => {
  const unit = readFileSync(UNIT, 'utf8');
  for (const line of [
    'Type=notify',
    'AmbientCapabilities=CAP_NET_ADMIN',
    'CapabilityBoundingSet=CAP_NET_ADMIN',
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'DeviceAllow=/dev/net/tun rw',
  ])
    assert.ok(unit.split('\n').includes(line), line);
});

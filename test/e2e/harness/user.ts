/** A daemon as a service manager starts it: a user of its own, with the capabilities that it's given and no other. */
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonOptions } from './daemon.js';
import type { Host } from './host.js';
import { ROOT } from './places.js';

/** A user and group that no system has. */
export const SERVICE_USER = 54_321;

/**
 * The program and the code are bound where any user gets at them, since a checkout may lie in a home directory; /dev/net/tun is as udev makes it. ip-netns(8)
 * has made a mount namespace of its own for all that.
 */
const SCRIPT = `
  cd "$1"; user=$2 capabilities=$3 node=$4 code=$5; shift 6
  mount --bind "$node" node; mount --bind "$code" code; mount --bind tun /dev/net/tun
  exec setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set="-all$capabilities" \\
    --inh-caps="-all$capabilities" --ambient-caps="-all$capabilities" "$1/node" "$1/code/bin/p2p" "$@"`;

/** Opens a file as root and hands it over, as systemd does for `OpenFile=FILE:hosts`. */
const HANDED = 'exec 3<> "$HANDED"; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=hosts\n';

/** Starts it; `capabilities` as in `net_admin`; `handed`: a hosts file that it gets open. */
export async function runsAsUser(
  host: Host,
  capabilities: readonly string[],
  options: DaemonOptions = {},
  handed: string | null = null,
): Promise<void> {
  const env = handed === null ? {} : { HANDED: handed };
  const through = await asUser(host, capabilities, handed === null ? '' : HANDED);
  await host.daemon({ ...options, env: { ...options.env, ...env }, through });
}

async function asUser(host: Host, capabilities: readonly string[], before: string): Promise<string[]> {
  const service = join(host.directory, 'service');
  mkdirSync(join(service, 'code'), { recursive: true });
  await host.must('sh', '-ec', 'cd "$0"; touch node; test -e tun || mknod -m 666 tun c 10 200', service);
  for (const directory of [host.directory, service]) await host.must('chmod', '755', directory);
  chownSync(host.directory, SERVICE_USER, SERVICE_USER);
  const set = capabilities.map((name) => `,+${name}`).join('');
  // The last is what the harness adds, the daemon's own path: it's found under `code`.
  const script = before + SCRIPT.replaceAll('"$1/', `"${service}/`);
  return ['sh', '-ec', script, 'sh', service, String(SERVICE_USER), set, process.execPath, ROOT];
}

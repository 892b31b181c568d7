/**
 * Two network namespaces joined by a cable, for tests of one device or a pair of them.
 *
 *     one: 192.0.2.1, 2001:db8::1 ── veth ── two: 192.0.2.2, 2001:db8::2
 */
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const HOST_ADDRESS = { one: '192.0.2.1', two: '192.0.2.2' } as const;
export const HOST_ADDRESS_6 = { one: '2001:db8::1', two: '2001:db8::2' } as const;
export type HostName = keyof typeof HOST_ADDRESS;

export interface Namespaces {
  /** The name of a host's namespace, for `ip netns exec`. */
  name(host: HostName): string;
  /** Runs a program in a host's namespace. */
  run(host: HostName, program: string, ...args: string[]): Promise<string>;
  remove(): Promise<void>;
}

/** True where namespaces can be made. */
export const isRoot = process.getuid?.() === 0;
/** Why a test of what only Linux's own interface and sockets do is left out, or false. */
export const notOnLinux =
  process.env['P2P_TEST_PORTABLE'] === undefined ? false : 'what macOS and Windows have is tested';

export async function joinedNamespaces(): Promise<Namespaces> {
  const tag = randomBytes(3).toString('hex');
  const name = (host: HostName) => `p2pt-${tag}-${host}`;
  // The last resort if the test process ends before its clean-up: namespaces outlive processes.
  const removeNow = () => {
    for (const host of ['one', 'two'] as const) {
      try {
        execFileSync('ip', ['netns', 'delete', name(host)], { stdio: 'ignore' });
      } catch {
        // It was never made, or is gone.
      }
    }
  };
  process.once('exit', removeNow);
  const inside = async (host: HostName, program: string, ...args: string[]) => {
    const { stdout } = await run('ip', ['netns', 'exec', name(host), program, ...args]);
    return stdout;
  };
  await run('ip', ['netns', 'add', name('one')]);
  await run('ip', ['netns', 'add', name('two')]);
  await run('ip', ['-n', name('one'), 'link', 'add', 'cable', 'type', 'veth', 'peer', 'cable', 'netns', name('two')]);
  for (const host of ['one', 'two'] as const) {
    await run('ip', ['-n', name(host), 'address', 'add', `${HOST_ADDRESS[host]}/24`, 'dev', 'cable']);
    await run('ip', ['-n', name(host), 'address', 'add', `${HOST_ADDRESS_6[host]}/64`, 'dev', 'cable', 'nodad']);
    await run('ip', ['-n', name(host), 'link', 'set', 'lo', 'up']);
    await run('ip', ['-n', name(host), 'link', 'set', 'cable', 'up']);
  }
  return {
    name,
    run: inside,
    async remove() {
      process.off('exit', removeNow);
      await Promise.all([run('ip', ['netns', 'delete', name('one')]), run('ip', ['netns', 'delete', name('two')])]);
    },
  };
}

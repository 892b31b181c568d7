/** This project: two daemons without a DHT, each told where the other is. */
import { writeFile } from 'node:fs/promises';
import { P2P } from '../../test/e2e/harness/places.js';
import { type Program, plainEnvironment } from '../../test/e2e/harness/shell.js';
import { GiveUp, waitFor } from '../../test/e2e/harness/wait.js';
import { DEVICE, type End, type Link, must } from '../link.js';
import { path, type System } from './system.js';

const HASH = 'p2p-benchmark-of-two-namespaces';
const PORT = '4900';
const RELAY_PORT = '4910';

export const p2p: System = {
  name: 'p2p',
  kind: 'project',
  does: 'AES-256-GCM, layer 2',
  needs: ['node'],
  version: null,
  carries: 'overlay',
  start: async (link: Link) => {
    // Both at once: a start stretches the hash, which takes a moment.
    await Promise.all(link.ends.map((end) => join(link, end)));
  },
};

/** The same by a relay alone, which runs beside the left end: every datagram is carried twice on this machine. */
export const p2pByRelay: System = {
  ...p2p,
  name: 'p2p-relay',
  kind: 'yardstick',
  does: 'AES-256-GCM, layer 2, -fwd',
  start: async (link: Link) => {
    await startDaemon(
      path('node'),
      link.left,
      `${link.directory}/relay`,
      '--no-dht',
      '--no-lan',
      '--relay',
      '--no-relay-tls',
    );
    const relay = `${link.left.underlay}:${RELAY_PORT}`;
    await Promise.all(link.ends.map((end) => join(link, end, '-relay', relay, '-fwd')));
  },
};

async function join(link: Link, end: End, ...more: readonly string[]): Promise<void> {
  const files = `${link.directory}/${end.name}`;
  const socket = `${files}.sock`;
  await startDaemon(path('node'), end, files, '--no-dht', '--no-lan');
  const peer = `${link.other(end).underlay}:${PORT}`;
  const network = ['-hash', HASH, '-ip', end.overlay, '-dev', DEVICE, '-port', PORT, '-peer', peer, ...more];
  await must(end.namespace, P2P, 'start', '--socket', socket, ...network);
}

/** Starts a daemon whose socket is `FILES.sock`, run by the Node.js at `node`, and waits until it answers. */
export async function startDaemon(
  node: string,
  { namespace }: Pick<End, 'namespace'>,
  files: string,
  ...options: string[]
): Promise<Program> {
  await writeFile(`${files}.yaml`, '');
  const own = ['--state', `${files}.state`, '--socket', `${files}.sock`, '--config', `${files}.yaml`];
  const env = { ...plainEnvironment(), P2P_NO_PUBLIC_DHT: '1' };
  const program = namespace.start(node, [P2P, 'daemon', ...own, ...options], env);
  await waitFor('the daemon to answer', async () => {
    if (!program.running) throw new GiveUp(`it ended:\n${program.stderr}`);
    return (await namespace.run(P2P, ['status', '--socket', `${files}.sock`])).code === 0;
  });
  return program;
}

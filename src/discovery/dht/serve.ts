/** The work of the DHT child process: hyperdht, away from the daemon's privileges and memory. Talks with the daemon over its pipe only. */
import HyperDHT from 'hyperdht';
import { SYSTEM } from '../../system/this-system.js';
import { bootstrapNodes } from './bootstrap.js';
import { DhtClient, messageOf } from './client.js';
import { listen } from './embedded.js';
import { type FromChild, parseToChild, type ToChild } from './messages.js';

const clients = new Map<number, DhtClient>();

dropPrivileges();
process.on('message', (message) => {
  const parsed = parseToChild(message);
  if (parsed !== null) void take(parsed);
});
process.on('disconnect', () => process.exit(0)); // the daemon is gone
// Ctrl-C in the daemon's terminal reaches us as well; the daemon decides when we end.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
tell({ kind: 'ready' });

/** Everything is loaded by now; from here on this process needs no right but to send datagrams. */
function dropPrivileges(): void {
  const { nobody } = SYSTEM;
  if (nobody === null || process.getuid?.() !== 0) return;
  process.setgroups?.([]);
  process.setgid?.(nobody);
  process.setuid?.(nobody);
}

async function take(message: ToChild): Promise<void> {
  switch (message.kind) {
    case 'join':
      join(message.node, message.bootstrap);
      break;
    case 'leave':
      await clients.get(message.node)?.close();
      clients.delete(message.node);
      break;
    case 'listen':
      tell(
        await listen(message.host, message.port).then(
          () => ({ kind: 'listening' as const }),
          (error) => ({ kind: 'listen-failed' as const, error: messageOf(error) }),
        ),
      );
      break;
    default:
      await carryOut(message);
  }
}

function join(node: number, bootstrap: readonly string[] | null): void {
  try {
    const nodes = bootstrapNodes(bootstrap, HyperDHT.BOOTSTRAP, process.env);
    clients.set(node, new DhtClient(nodes, (count, some) => tell({ kind: 'nodes', node, count, some })));
  } catch (error) {
    tell({ kind: 'join-failed', node, error: messageOf(error) });
  }
}

async function carryOut(message: Extract<ToChild, { request: number }>): Promise<void> {
  const { request, node } = message;
  const client = clients.get(node);
  if (message.kind === 'publish') {
    const error =
      client === undefined
        ? 'no such node'
        : await client.publish(message.topic, message.seed, message.sequence, message.value);
    tell({ kind: 'published', request, error });
  } else if (message.kind === 'look') {
    tell({ kind: 'looked', request, keys: (await client?.look(message.topic)) ?? [] });
  } else {
    tell({ kind: 'fetched', request, ...((await client?.fetch(message.key)) ?? { value: null, sequence: 0 }) });
  }
}

function tell(message: FromChild): void {
  if (process.connected) process.send?.(message);
}

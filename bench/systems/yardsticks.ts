/** What the machine can do: without a tunnel, and with one that does nothing but carry. */
import { DEVICE, type Link } from '../link.js';
import { path, type System } from './system.js';

const TUNNEL = 'reference-tunnel';

export const plain: System = {
  name: 'plain',
  kind: 'yardstick',
  does: 'the link itself',
  needs: [],
  version: null,
  carries: 'wire',
  start: async () => {},
};

export const limitNocrypt = reference('limit-nocrypt', 'none', 'bench/reference/tunnel.c without a cipher');
export const refAes256gcm = reference(
  'ref-aes256gcm',
  'aes256gcm',
  'the same, AES-256-GCM by OpenSSL for each datagram',
);

function reference(name: string, cipher: 'none' | 'aes256gcm', does: string): System {
  return {
    name,
    kind: 'yardstick',
    does,
    needs: [TUNNEL],
    version: null,
    carries: 'overlay',
    start: async (link: Link) => {
      for (const end of link.ends) {
        const program = end.namespace.start(path(TUNNEL), [DEVICE, link.other(end).underlay, cipher]);
        await link.raise(end, program, 1400);
      }
    },
  };
}

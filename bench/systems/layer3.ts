/** The closest rivals: layer 3, with offload. */
import { writeFile } from 'node:fs/promises';
import { mustRun } from '../../test/e2e/harness/shell.js';
import { DEVICE, type Link, must } from '../link.js';
import { find, path, type System } from './system.js';

/** The command is called `wireguard` when Go has installed it. */
const WIREGUARD_GO = find('wireguard') === null ? 'wireguard-go' : 'wireguard';
const PORT = '5555';

export const wireguardGo: System = {
  name: 'wireguard-go',
  kind: 'rival',
  does: 'ChaCha20-Poly1305, layer 3',
  needs: [WIREGUARD_GO, 'wg'],
  version: [
    'sh',
    '-c',
    `go version -m '${find(WIREGUARD_GO)}' 2>/dev/null | awk '$1 == "mod" { print $3 }' | grep . || '${find(WIREGUARD_GO)}' --version`,
  ],
  carries: 'overlay',
  start: async (link: Link) => {
    const keys = await Promise.all(link.ends.map(() => mustRun('wg', ['genkey'])));
    const publicKeys = await Promise.all(keys.map((key) => mustRun('wg', ['pubkey'], { input: key })));
    for (const [index, end] of link.ends.entries()) {
      const other = link.other(end);
      const key = `${link.directory}/${end.name}.key`;
      await writeFile(key, keys[index] ?? '', { mode: 0o600 });
      // Its control socket is in /run, and would stay there.
      const start = `mount -t tmpfs tmpfs /run && exec ${path(WIREGUARD_GO)} -f ${DEVICE}`;
      const program = end.namespace.start('sh', ['-c', start]);
      await link.raise(end, program, 1420);
      const peer = ['peer', (publicKeys[1 - index] ?? '').trim(), 'endpoint', `${other.underlay}:${PORT}`];
      const settings = ['private-key', key, 'listen-port', PORT, ...peer, 'allowed-ips', `${other.overlay}/32`];
      await must(end.namespace, 'nsenter', '-t', String(program.pid), '-m', 'wg', 'set', DEVICE, ...settings);
    }
  },
};

export const nebula: System = {
  name: 'nebula',
  kind: 'rival',
  does: 'AES-256-GCM, layer 3',
  needs: ['nebula', 'nebula-cert'],
  version: ['nebula', '-version'],
  carries: 'overlay',
  start: async (link: Link) => {
    const at = (name: string) => `${link.directory}/${name}`;
    const cert = path('nebula-cert');
    await mustRun(cert, ['ca', '-name', 'bench', '-out-crt', at('ca.crt'), '-out-key', at('ca.key')]);
    for (const end of link.ends) {
      const files = ['-out-crt', at(`${end.name}.crt`), '-out-key', at(`${end.name}.key`)];
      const ca = ['-ca-crt', at('ca.crt'), '-ca-key', at('ca.key')];
      await mustRun(cert, ['sign', '-name', end.name, '-ip', `${end.overlay}/24`, ...ca, ...files]);
      const isLighthouse = end === link.left;
      const anyone = '[{port: any, proto: any, host: any}]';
      const config = [
        `pki: {ca: ${at('ca.crt')}, cert: ${at(`${end.name}.crt`)}, key: ${at(`${end.name}.key`)}}`,
        `static_host_map: {${link.ends.map(({ overlay, underlay }) => `"${overlay}": ["${underlay}:4242"]`).join(', ')}}`,
        `lighthouse: {am_lighthouse: ${isLighthouse}, hosts: [${isLighthouse ? '' : `"${link.left.overlay}"`}]}`,
        'listen: {host: 0.0.0.0, port: 4242}',
        'cipher: aes',
        `tun: {dev: ${DEVICE}, mtu: 1400}`,
        'logging: {level: error, format: text}',
        `firewall: {outbound: ${anyone}, inbound: ${anyone}}`,
      ];
      await writeFile(at(`${end.name}.yml`), `${config.join('\n')}\n`);
      end.namespace.start(path('nebula'), ['-config', at(`${end.name}.yml`)]);
    }
  },
};

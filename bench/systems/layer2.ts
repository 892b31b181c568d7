/** Rivals that carry Ethernet, from the distribution. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { mustRun } from '../../test/e2e/harness/shell.js';
import { DEVICE, type End, type Link } from '../link.js';
import { path, type System } from './system.js';

export const tinc: System = {
  name: 'tinc',
  kind: 'rival',
  does: 'AES-256-CBC and HMAC-SHA256, layer 2',
  needs: ['tincd'],
  version: ['tincd', '--version'],
  carries: 'overlay',
  start: async (link: Link) => {
    for (const end of link.ends) await configureTinc(link, end);
    for (const end of link.ends) {
      const host = await readFile(`${link.directory}/${end.name}/hosts/${end.name}`);
      await writeFile(`${link.directory}/${link.other(end).name}/hosts/${end.name}`, host);
    }
    for (const end of link.ends) {
      const home = `${link.directory}/${end.name}`;
      const program = end.namespace.start('tincd', ['-c', home, '-D', `--pidfile=${home}.pid`]);
      await link.raise(end, program, 1400);
    }
  },
};

async function configureTinc(link: Link, end: End): Promise<void> {
  const home = `${link.directory}/${end.name}`;
  await mkdir(`${home}/hosts`, { recursive: true });
  const connect = end === link.left ? `ConnectTo = ${link.right.name}\n` : '';
  const config = `Name = ${end.name}\nMode = switch\nDeviceType = tap\nInterface = ${DEVICE}\n${connect}`;
  await writeFile(`${home}/tinc.conf`, config);
  const host = `Address = ${end.underlay}\nCipher = aes-256-cbc\nDigest = sha256\n`;
  await writeFile(`${home}/hosts/${end.name}`, host);
  // It asks where to put the keys; an empty answer takes what it proposes.
  await mustRun('tincd', ['-c', home, '-K2048'], { input: '\n\n' });
}

export const fastd: System = {
  name: 'fastd',
  kind: 'rival',
  does: 'Salsa20/12 and UMAC, layer 2',
  needs: ['fastd'],
  version: ['fastd', '--version'],
  carries: 'overlay',
  start: async (link: Link) => {
    const keys = await Promise.all(link.ends.map(() => mustRun('fastd', ['--generate-key', '--machine-readable'])));
    const publicKeys = await Promise.all(
      keys.map((key) =>
        mustRun('fastd', ['--show-key', '--machine-readable', '-c', '-'], { input: `secret "${key.trim()}";` }),
      ),
    );
    for (const [index, end] of link.ends.entries()) {
      const file = `${link.directory}/${end.name}.conf`;
      const config = [
        `mode tap; interface "${DEVICE}"; method "salsa2012+umac"; bind any:10000; mtu 1406; log level warn;`,
        `secret "${keys[index]?.trim()}";`,
        `peer "other" { key "${publicKeys[1 - index]?.trim()}"; remote ${link.other(end).underlay}:10000; }`,
      ];
      await writeFile(file, `${config.join('\n')}\n`, { mode: 0o600 });
      await link.raise(end, end.namespace.start('fastd', ['-c', file]), 1406);
    }
  },
};

export const n2n: System = {
  name: 'n2n',
  kind: 'rival',
  does: 'Twofish without authentication, layer 2',
  needs: ['edge', 'supernode'],
  version: ['edge', '-h'],
  carries: 'overlay',
  start: async (link: Link) => {
    const supernode = `${link.left.underlay}:7654`;
    link.left.namespace.start(path('supernode'), ['-f', '-l', '7654']);
    for (const [index, end] of link.ends.entries()) {
      const network = ['-c', 'bench', '-k', 'secret', '-l', supernode, '-m', `02:00:00:00:00:0${index + 1}`];
      // Old ones go to the background with -f, new ones stay in front with it.
      end.namespace.start(path('edge'), ['-f', '-d', DEVICE, '-a', end.overlay, ...network]);
    }
  },
};

export const openvpn: System = {
  name: 'openvpn',
  kind: 'rival',
  does: 'AES-256-GCM over UDP, layer 2',
  needs: ['openvpn', 'openssl'],
  version: ['openvpn', '--version'],
  carries: 'overlay',
  start: async (link: Link) => {
    const file = (end: End, kind: 'crt' | 'key') => `${link.directory}/${end.name}.${kind}`;
    const fingerprints = new Map<End, string>();
    for (const end of link.ends) {
      const files = ['-keyout', file(end, 'key'), '-out', file(end, 'crt')];
      const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
      await mustRun('openssl', [
        'req',
        '-x509',
        ...curve,
        '-nodes',
        '-days',
        '7',
        '-subj',
        `/CN=${end.name}`,
        ...files,
      ]);
      const line = await mustRun('openssl', ['x509', '-fingerprint', '-sha256', '-noout', '-in', file(end, 'crt')]);
      fingerprints.set(end, line.trim().split('=')[1] ?? '');
    }
    for (const end of link.ends) {
      const other = link.other(end);
      const role = end === link.left ? ['--tls-server', '--dh', 'none'] : ['--tls-client'];
      const trust = [
        '--cert',
        file(end, 'crt'),
        '--key',
        file(end, 'key'),
        '--peer-fingerprint',
        fingerprints.get(other) ?? '',
      ];
      const device = ['--dev', DEVICE, '--dev-type', 'tap', '--data-ciphers', 'AES-256-GCM', '--tun-mtu', '1400'];
      const program = end.namespace.start('openvpn', [...role, ...trust, ...device, '--remote', other.underlay]);
      await link.raise(end, program, 1400);
    }
  },
};

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { type Endpoint, makeEndpoint } from '../../src/core/endpoint.js';
import type { DeviceConfig } from '../../src/device/device.js';
import { Host } from './host.js';
import { HOST_ADDRESS, type HostName, isRoot, joinedNamespaces, type Namespaces } from './namespaces.js';

const PORT = 4900;
const PEER = 7;
const MAC = { one: '02:00:00:00:00:01', two: '02:00:00:00:00:02' } as const;
const OVERLAY = { one: '10.10.10.1', two: '10.10.10.2' } as const;
const INDEX = { one: 0x11111111, two: 0x22222222 } as const;
const OTHER = { one: 'two', two: 'one' } as const;
const ADMISSION_KEY = randomBytes(32);

function macBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(':', ''), 'hex'));
}

function endpoint(host: HostName): Endpoint {
  return makeEndpoint(HOST_ADDRESS[host], PORT);
}

function config(host: HostName, changes: Partial<DeviceConfig> = {}): DeviceConfig {
  return {
    name: 'p2p0',
    mac: macBytes(MAC[host]),
    mtu: 1360,
    addresses: [`${OVERLAY[host]}/24`],
    port: PORT,
    networkAdmissionKey: ADMISSION_KEY,
    ownAdmissionKey: randomBytes(32),
    cookieKey: randomBytes(32),
    ...changes,
  };
}

describe('native device', { skip: isRoot ? false : 'needs root', timeout: 120_000 }, () => {
  let namespaces: Namespaces;
  let hosts: Record<HostName, Host>;

  before(async () => {
    namespaces = await joinedNamespaces();
    hosts = { one: new Host(namespaces.name('one')), two: new Host(namespaces.name('two')) };
  });

  after(async () => {
    await Promise.all([hosts.one.end(), hosts.two.end()]);
    await namespaces.remove();
  });

  const keys = { one: randomBytes(32), two: randomBytes(32) };

  async function install(host: HostName, maxDatagram = 1280): Promise<void> {
    const other = OTHER[host];
    await hosts[host].apply(
      { kind: 'set-peer', peer: PEER, macs: [macBytes(MAC[other])] },
      { kind: 'set-endpoint', peer: PEER, endpoint: endpoint(other), maxDatagram },
      {
        kind: 'install-session',
        keys: {
          peer: PEER,
          localIndex: INDEX[host],
          remoteIndex: INDEX[other],
          sealKey: keys[host],
          openKey: keys[other],
          use: host === 'one' ? 'seal-now' : 'seal-when-heard',
          lifetime: 180_000,
        },
      },
    );
  }

  it('opens an interface with its MAC, MTU and addresses', async () => {
    await hosts.one.open(config('one', { addresses: ['10.10.10.1/24', '2001:db8:10::1/64'] }));
    await hosts.two.open(config('two'));
    const link = await namespaces.run('one', 'ip', 'address', 'show', 'dev', 'p2p0');
    assert.match(link, /mtu 1360/);
    assert.match(link, /link\/ether 02:00:00:00:00:01/);
    assert.match(link, /inet 10\.10\.10\.1\/24 brd 10\.10\.10\.255/);
    assert.match(link, /inet6 2001:db8:10::1\/64/);
    assert.match(link, /[<,]UP[,>]/);
    const accept = await namespaces.run('one', 'cat', '/proc/sys/net/ipv6/conf/p2p0/accept_ra');
    assert.equal(accept.trim(), '0');
  });

  it('carries a ping and the ARP exchange before it', async () => {
    await install('one');
    await install('two');
    await hosts.one.apply({ kind: 'send-control', peer: PEER, messages: new Uint8Array([7, 0, 0]), to: null });
    const heard = await hosts.two.event('session-heard');
    assert.deepEqual([heard.peer, heard.localIndex, heard.from], [PEER, INDEX.two, endpoint('one')]);
    const control = await hosts.two.event('control');
    assert.deepEqual([...control.messages], [7, 0, 0]);
    await namespaces.run('one', 'ping', '-c', '3', '-i', '0.05', '-W', '2', OVERLAY.two);
    const neighbours = await namespaces.run('one', 'ip', 'neighbour', 'show', 'dev', 'p2p0');
    assert.match(neighbours, /10\.10\.10\.2 lladdr 02:00:00:00:00:02/);
    const [peer] = (await hosts.one.stats()).peers;
    assert.ok(peer !== undefined && peer.framesIn >= 4 && peer.framesOut >= 4 && peer.heardAt !== null);
  });
});

/** What each method of the RPC does. */

import { isIP } from 'node:net';
import { RpcError } from '../rpc/errors.js';
import { relayName } from '../rpc/relay-fields.js';
import type { RelayInfo } from '../rpc/relay-info.js';
import type { Parsed, Result } from '../rpc/schema.js';
import type { Handlers } from '../rpc/server.js';
import type { Log } from './log.js';
import { loopLag } from './loop-lag.js';
import { findMember, isConnected } from './names/find-member.js';
import type { Networks } from './networks.js';

/** How many calls may wait for a member at once. */
const MAX_WAITING = 128;

export interface Served {
  readonly networks: Networks;
  readonly log: Log;
  readonly version: string;
  /** The DHT process, in words. */
  dht(): string;
  /** This machine as a relay, or null. */
  relay(): RelayInfo | null;
  /** What's wrong with the daemon itself, in words. */
  problems(): string[];
  /** Aborted when the daemon ends. */
  readonly ending: AbortSignal;
}

export function handlers(served: Served): Handlers {
  const { networks, log, version } = served;
  const began = performance.now();
  let waiting = 0;
  /** Bounds the calls that wait for something. */
  const queue = async <T>(call: () => Promise<T>): Promise<T> => {
    if (waiting >= MAX_WAITING) throw new RpcError('too-many', `expected at most ${MAX_WAITING} calls that wait`);
    waiting++;
    try {
      return await call();
    } finally {
      waiting--;
    }
  };
  return {
    'daemon.version': () => ({ version }),
    'daemon.status': ({ hash }) => ({
      version,
      upMs: Math.round(performance.now() - began),
      log: log.level,
      networks: networks.list(hash),
      relay: served.relay(),
      problems: served.problems(),
    }),
    'daemon.debug': async () => ({
      version,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      upMs: Math.round(performance.now() - began),
      loopLagMs: await loopLag(),
      loopBusy: performance.eventLoopUtilization().utilization,
      memory: process.memoryUsage.rss(),
      dht: served.dht(),
      networks: networks.debug(),
      relay: served.relay(),
      problems: served.problems(),
    }),
    'daemon.netcheck': () => ({ version, dht: served.dht(), ...networks.netcheck() }),
    'network.start': (params) => networks.start(params),
    'network.stop': async (params) => {
      const stopped = await networks.stop(params);
      return { stopped: stopped.map(({ saved: { id, device } }) => ({ id, device })) };
    },
    'network.peers': ({ hash }) => ({ networks: networks.settings.identities(hash) }),
    'peer.block': async ({ who, hash }) => ({ id: await networks.settings.block(who, hash) }),
    'peer.unblock': async ({ who, hash }) => ({ id: await networks.settings.unblock(who, hash) }),
    'peer.accept': ({ who, hash }) => ({ id: networks.settings.accept(who, hash) }),
    'network.add-keys': ({ hash, keys }) => networks.settings.addKeys(hash, keys),
    'network.keys': ({ hash }) => ({ keys: networks.settings.keys(hash) }),
    'network.check': ({ who, hash }) => ({ connected: isThere(networks, who, hash) }),
    'network.wait': (params, gone) =>
      queue(async () => ({ connected: await waitFor(networks, params, AbortSignal.any([gone, served.ending])) })),
    'member.ping': (params) => queue(() => ping(networks, params)),
    'network.set': async (params) => {
      await networks.settings.set(params);
      return {};
    },
    'network.set-addresses': ({ hash, ip }) => networks.setAddresses(hash, ip),
    'relay.forget': ({ relay }) => ({ forgotten: networks.forgetRelay(relayName(relay)) }),
    'device.set': ({ hash, ...help }) => {
      for (const entry of networks.table.some(hash)) entry.running?.setHelp(help);
      return {};
    },
    'log.set': ({ level, hash }) => {
      if (hash === undefined) log.setLevel(level);
      else log.setNetworkLevel(networks.table.find(hash).saved.id, level);
      return {};
    },
  };
}

async function ping(networks: Networks, { who, hash, ms }: Parsed<'member.ping'>): Promise<Result<'member.ping'>> {
  networks.table.some(hash);
  const { network, peer } = findMember(networks.list(hash), who);
  const entry = networks.table.find(network.hash);
  const answer = peer.state === 'connected' ? ((await entry.running?.ping(peer.id, ms)) ?? null) : null;
  const candidates = entry.details().peers.find(({ id }) => id === peer.id)?.candidates ?? [];
  const now = entry.info().peers.find(({ id }) => id === peer.id) ?? peer;
  const plain = answer === null ? null : { path: answer.path, endpoint: answer.endpoint, rttMs: answer.rttMs };
  return { network: network.id, device: network.device, peer: now, answer: plain, candidates };
}

/** Addresses are looked up as they stand: that's what most ask for, and what's asked for often. */
function isThere(networks: Networks, who: string, hash: string | undefined): boolean {
  const entries = networks.table.some(hash);
  if (isIP(who) !== 0) return entries.some((entry) => entry.isConnected(who));
  return isConnected(networks.list(hash), who);
}

/** Looks whenever something happens in the network; a network that's stopped meanwhile ends it with an error. */
async function waitFor(
  networks: Networks,
  { who, hash, ms }: Parsed<'network.wait'>,
  end: AbortSignal,
): Promise<boolean> {
  const ends = performance.now() + ms;
  for (;;) {
    const entry = networks.table.find(hash);
    if (isThere(networks, who, hash)) return true;
    const left = ends - performance.now();
    if (left <= 0 || end.aborted) return false;
    await activity(entry.running, Math.min(left, LOOK_MS), end);
  }
}

/** A network that isn't up has no activity: it's looked at again this often, in ms. */
const LOOK_MS = 500;

function activity(
  running: { once(name: 'activity', f: () => void): unknown; off(name: 'activity', f: () => void): unknown } | null,
  ms: number,
  end: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      running?.off('activity', done);
      end.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    running?.once('activity', done);
    end.addEventListener('abort', done);
  });
}

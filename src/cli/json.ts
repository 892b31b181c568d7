/** What each command prints with `--json`: docs/schema/ is made from this, and a test holds real output against it. `version` is added by `printJson`. */
import * as v from 'valibot';
import { peerSchema } from '../rpc/network-info.js';
import { METHODS } from '../rpc/schema.js';
import { STREAMS } from '../rpc/streams.js';

const status = METHODS['daemon.status'].result.entries;
const debug = METHODS['daemon.debug'].result.entries;
const netcheck = METHODS['daemon.netcheck'].result.entries;
const ping = METHODS['member.ping'].result.entries;

/** An answer of the daemon as it's printed: its `version` is the daemon's, and has another name. */
function withDaemon<T extends { version: v.GenericSchema }>({ version, ...rest }: T) {
  return v.object({ daemon: version, ...rest });
}

/** By the name of the command; where there are several, the flags say which it is. */
export const OUTPUTS = {
  bugreport: v.object({
    file: v.string(),
    contents: v.array(v.object({ name: v.string(), means: v.string(), bytes: v.number() })),
  }),
  'check-config': v.object({ file: v.string(), warnings: v.array(v.string()) }),
  'clean-hosts': v.object({ cleaned: v.boolean() }),
  debug: withDaemon(debug),
  /** One object on each line. */
  events: STREAMS['events.subscribe'].item,
  generate: v.object({ hash: v.string() }),
  /** One object on each line. */
  logs: STREAMS['log.subscribe'].item,
  netcheck: withDaemon(netcheck),
  peers: v.union([
    METHODS['network.peers'].result,
    v.object({ id: v.string(), action: v.picklist(['block', 'unblock', 'accept']) }),
  ]),
  ping: v.object({
    who: v.string(),
    network: v.string(),
    member: peerSchema,
    sent: v.number(),
    answered: v.number(),
    pings: v.array(v.object({ state: peerSchema.entries.state, answer: ping.answer })),
    candidates: ping.candidates,
  }),
  service: v.object({
    manager: v.string(),
    file: v.string(),
    running: v.optional(v.boolean()),
    action: v.optional(v.picklist(['install', 'uninstall', 'start', 'stop'])),
  }),
  set: v.object({ warnings: v.array(v.string()) }),
  show: v.union([
    v.object({ networks: status.networks }),
    METHODS['network.keys'].result,
    v.object({ who: v.string(), connected: v.boolean() }),
  ]),
  start: METHODS['network.start'].result,
  status: withDaemon(status),
  stop: METHODS['network.stop'].result,
  version: v.object({ client: v.string(), daemon: v.nullable(v.string()) }),
  wait: v.object({ who: v.string(), connected: v.boolean() }),
} as const;

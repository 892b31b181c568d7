/** Every system, in the order in which they take turns. */
import { fastd, n2n, openvpn, tinc } from './layer2.js';
import { nebula, wireguardGo } from './layer3.js';
import { p2p, p2pByRelay } from './p2p.js';
import type { System } from './system.js';
import { limitNocrypt, plain, refAes256gcm } from './yardsticks.js';

export const SYSTEMS: readonly System[] = [
  plain,
  limitNocrypt,
  refAes256gcm,
  p2p,
  p2pByRelay,
  wireguardGo,
  nebula,
  tinc,
  fastd,
  n2n,
  openvpn,
];

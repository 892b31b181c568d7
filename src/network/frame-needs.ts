/** What the frames of an overlay ask of a path, in bytes of UDP payload. */
import type { FrameNeeds } from '../paths/ladder.js';
import { ENVELOPE_BYTES } from '../wire/relay.js';
import { FRAME_OVERHEAD } from '../wire/transport.js';

const ETHERNET_BYTES = 14;
/** Two tags (IEEE 802.1ad). */
const VLAN_TAGS_BYTES = 8;

/** `mtu`: the overlay's, in bytes. */
export function frameNeeds(mtu: number): FrameNeeds {
  const whole = mtu + ETHERNET_BYTES + FRAME_OVERHEAD;
  return { whole, most: whole + VLAN_TAGS_BYTES + ENVELOPE_BYTES };
}

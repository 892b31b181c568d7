/** What comes from outside a session: let in by its MACs alone (docs/protocol.md section 2), with cookies for sources that prove their address. */
import { createHmac } from 'node:crypto';
import { utf8 } from '../../core/bytes.js';
import { MAC_BYTES, mac16, sameSecret } from '../../core/crypto.js';
import { encodeEndpoint } from '../../core/endpoint.js';
import { isRelayWay, type Way } from '../../core/way.js';
import { HEADER_BYTES, KIND } from '../../wire/envelope.js';
import { writeCookie } from '../../wire/replies.js';
import type { DeviceConfig } from '../device.js';

export class Door {
  /** `secret`: 32 bytes, of which cookies are made. */
  constructor(
    private readonly config: Pick<DeviceConfig, 'networkAdmissionKey' | 'ownAdmissionKey' | 'cookieKey'>,
    private readonly secret: Uint8Array,
  ) {}

  /** Whether its cookie MAC was good, or why it's dropped. */
  check(from: Way, datagram: Uint8Array): { readonly proven: boolean } | string {
    const kind = datagram[0] ?? 0;
    const { networkAdmissionKey, ownAdmissionKey } = this.config;
    const forAnyone = kind === KIND.hello || kind === KIND.cookie || kind === KIND.notice;
    const body = datagram.subarray(0, -MAC_BYTES);
    if (datagram.length < HEADER_BYTES + MAC_BYTES) return 'handshake-length';
    const mac = mac16(forAnyone ? networkAdmissionKey : ownAdmissionKey, body);
    if (!sameSecret(mac, datagram.subarray(-MAC_BYTES))) return 'handshake-mac';
    const cookieMac = mac16(this.cookieFor(from), datagram.subarray(0, -2 * MAC_BYTES));
    return { proven: kind === KIND.handshake1 && sameSecret(cookieMac, body.subarray(-MAC_BYTES)) };
  }

  /** The datagram that tells a source its cookie. `nonce`: 24 bytes; `answered`: the MAC of its message 1, 16 bytes. */
  cookie(nonce: Uint8Array, to: Way, receiverIndex: number, answered: Uint8Array): Uint8Array {
    const keys = { networkAdmission: this.config.networkAdmissionKey, sealing: this.config.cookieKey };
    return writeCookie(keys, nonce, receiverIndex, answered, this.cookieFor(to));
  }

  private cookieFor(source: Way): Uint8Array {
    return new Uint8Array(
      createHmac('sha256', this.secret)
        .update(isRelayWay(source) ? utf8(source) : encodeEndpoint(source))
        .digest()
        .subarray(0, MAC_BYTES),
    );
  }
}

/** Collects what one call of the network machine wants done, in order. */
import { concat } from '../core/bytes.js';
import type { Way } from '../core/way.js';
import type { DeviceCommand, PeerHandle } from '../device/device.js';
import { CONTROL_BYTES, type ControlMessage, encodeControl } from '../wire/control.js';
import type { NetworkEvent } from './events.js';
import type { NetworkOutput } from './io.js';

export class Outbox {
  private outputs: NetworkOutput[] = [];
  private news = false;

  drain(): NetworkOutput[] {
    const outputs = this.outputs;
    this.outputs = [];
    return outputs;
  }

  /** Whether anything was told since it was asked last that people may act on. */
  takeNews(): boolean {
    const { news } = this;
    this.news = false;
    return news;
  }

  push(output: NetworkOutput): void {
    this.outputs.push(output);
  }

  command(command: DeviceCommand): void {
    this.outputs.push({ kind: 'device', command });
  }

  datagram(to: Way, datagram: Uint8Array): void {
    this.command({ kind: 'send-datagram', to, datagram });
  }

  /** Control messages to a peer, in as few datagrams as they fit into. `to`: null for its path in use. */
  control(peer: PeerHandle, messages: readonly ControlMessage[], to: Way | null = null): void {
    let batch: Uint8Array = new Uint8Array();
    for (const message of messages) {
      const encoded = encodeControl(message);
      if (batch.length > 0 && batch.length + encoded.length > CONTROL_BYTES) {
        this.command({ kind: 'send-control', peer, messages: batch, to });
        batch = new Uint8Array();
      }
      batch = concat(batch, encoded);
    }
    if (batch.length > 0) this.command({ kind: 'send-control', peer, messages: batch, to });
  }

  notable(level: 'info' | 'warn', message: string, facts: Readonly<Record<string, string | number>> = {}): void {
    this.news ||= level === 'warn';
    this.outputs.push({ kind: 'notable', level, message, facts });
  }

  event(event: NetworkEvent): void {
    this.news = true;
    this.outputs.push({ kind: 'event', event });
  }
}

/** What iperf3 and ping print. */

export interface Transfer {
  /** Received, in Mbit/s of payload. */
  readonly megabits: number;
  /** Received payload. */
  readonly bytes: number;
  /** UDP: received in a second; TCP: 0. */
  readonly packets: number;
}

interface Sum {
  readonly seconds?: number;
  readonly bytes?: number;
  readonly bits_per_second?: number;
  readonly packets?: number;
  readonly lost_packets?: number;
}

/** `iperf3 -J`, of one run; null if it failed. */
export function parseIperf(text: string): Transfer | null {
  let end: { sum?: Sum; sum_received?: Sum } | undefined;
  try {
    ({ end } = JSON.parse(text) as { end?: { sum?: Sum; sum_received?: Sum } });
  } catch {
    // It was ended before it could print.
    return null;
  }
  // UDP has one sum for both ends before iperf3 3.13, and two after.
  const { packets, lost_packets: lost = 0, seconds = 0, bytes = 0 } = end?.sum ?? {};
  if (packets !== undefined && seconds > 0) {
    const received = packets - lost;
    const share = packets === 0 ? 0 : received / packets;
    return { megabits: (bytes * share * 8) / seconds / 1e6, bytes: bytes * share, packets: received / seconds };
  }
  const tcp = end?.sum_received;
  if (tcp?.bits_per_second === undefined) return null;
  return { megabits: tcp.bits_per_second / 1e6, bytes: tcp.bytes ?? 0, packets: 0 };
}

/** Round trip times in ms. */
export function parsePing(text: string): number[] {
  return [...text.matchAll(/ time=([\d.]+) ms$/gm)].map(([, time]) => Number(time));
}

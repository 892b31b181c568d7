/** Stamps: what makes an old hello, beacon or handshake old without a wall clock (docs/protocol.md section 3). */

/** Boot counter in the upper 32 bits, tick in the lower. */
export type Stamp = bigint;

export const STAMP_BYTES = 8;

/** Hands out stamps that grow, for one boot counter. */
export class Stamper {
  private tick = 0n;

  constructor(private readonly bootCounter: number) {}

  next(): Stamp {
    return (BigInt(this.bootCounter) << 32n) | ++this.tick;
  }
}

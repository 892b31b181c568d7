/** Reading and writing the wire's integers and byte strings; all big-endian. */

/** A datagram or record that isn't what its length and kind promise. Thrown by `ByteReader`, caught by `parsed`. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

/** Runs a parser over outside bytes: its result, or null if they were malformed. */
export function parsed<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

export class ByteReader {
  private offset = 0;
  private readonly view: DataView;

  constructor(private readonly source: Uint8Array) {
    this.view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  }

  get remaining(): number {
    return this.source.length - this.offset;
  }

  /** The bytes read so far. */
  get consumed(): Uint8Array {
    return this.source.subarray(0, this.offset);
  }

  u8(): number {
    return this.view.getUint8(this.advance(1));
  }

  u16(): number {
    return this.view.getUint16(this.advance(2));
  }

  u32(): number {
    return this.view.getUint32(this.advance(4));
  }

  u64(): bigint {
    return this.view.getBigUint64(this.advance(8));
  }

  /** A copy, so that it doesn't keep a receive buffer alive or change with it. */
  bytes(length: number): Uint8Array {
    const start = this.advance(length);
    return this.source.slice(start, start + length);
  }

  skip(length: number): void {
    this.advance(length);
  }

  private advance(length: number): number {
    if (length > this.remaining) throw new Malformed(`expected ${length} more bytes, got ${this.remaining}`);
    const start = this.offset;
    this.offset += length;
    return start;
  }
}

export function u8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

export function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** `bytes` followed by zeros up to `length`. Throws if it's longer already. */
export function padded(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length > length) throw new RangeError(`expected at most ${length} bytes, got ${bytes.length}`);
  const out = new Uint8Array(length);
  out.set(bytes);
  return out;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** For public values; secrets and MACs are compared by `sameSecret` of core/crypto.ts. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

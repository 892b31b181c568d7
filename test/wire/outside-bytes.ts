/** Bytes as they come from outside, for properties of parsers: any, and those of a valid message with something done to it. */
import fc from 'fast-check';

const edit = fc.record({
  what: fc.constantFrom('change', 'insert', 'cut', 'truncate', 'repeat'),
  at: fc.nat(),
  byte: fc.nat(255),
  length: fc.nat(40),
});

/** `valid` with up to four edits, in the middle as well as at the ends. */
export function damaged(valid: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc.array(edit, { maxLength: 4 }).map((edits) => {
    let bytes = [...valid];
    for (const { what, at, byte, length } of edits) {
      const place = bytes.length === 0 ? 0 : at % bytes.length;
      if (what === 'change') bytes[place] = byte;
      else if (what === 'insert') bytes.splice(place, 0, byte);
      else if (what === 'cut') bytes.splice(place, length);
      else if (what === 'truncate') bytes = bytes.slice(0, place);
      else bytes.splice(place, 0, ...bytes.slice(place, place + length));
    }
    return Uint8Array.from(bytes);
  });
}

/** Any bytes, and damaged ones of `valid`; with a byte before and behind in memory, which no parser may see. */
export function outside(...valid: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  return fc.oneof(fc.uint8Array({ maxLength: 1_100 }), ...valid.map(damaged)).map((bytes) => {
    const memory = new Uint8Array(bytes.length + 2).fill(0xee);
    memory.set(bytes, 1);
    return memory.subarray(1, -1);
  });
}

/** Ethernet addresses: 6 bytes, written `02:1f:…` in lower case. */
export function formatMac(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Parses six hex pairs joined by `:` or `-`; null if it's none. */
export function parseMac(text: string): Uint8Array | null {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) return null;
  return Uint8Array.from(text.split(/[:-]/).map((pair) => Number.parseInt(pair, 16)));
}

/** Whether it can belong to one interface: neither a group address nor all zeros. */
export function isUnicastMac(mac: Uint8Array): boolean {
  return mac.length === 6 && ((mac[0] ?? 1) & 1) === 0 && mac.some((byte) => byte !== 0);
}

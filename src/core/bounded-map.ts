/** A map that never holds more than `limit` entries: adding one more drops the one that was set longest ago. */
export class BoundedMap<K, V> {
  private readonly entries = new Map<K, V>();

  constructor(readonly limit: number) {}

  get size(): number {
    return this.entries.size;
  }

  get(key: K): V | undefined {
    return this.entries.get(key);
  }

  has(key: K): boolean {
    return this.entries.has(key);
  }

  /** Sets and makes `key` the youngest. Returns the entry that had to go, if one had to. */
  set(key: K, value: V): [K, V] | null {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size <= this.limit) return null;
    const [oldest] = this.entries;
    if (oldest === undefined) return null;
    this.entries.delete(oldest[0]);
    return oldest;
  }

  delete(key: K): boolean {
    return this.entries.delete(key);
  }

  clear(): void {
    this.entries.clear();
  }

  keys(): IterableIterator<K> {
    return this.entries.keys();
  }

  values(): IterableIterator<V> {
    return this.entries.values();
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries[Symbol.iterator]();
  }
}

/** A binary heap: the least comes out first, in O(log n). */
export class Heap<T> {
  private readonly items: T[] = [];

  constructor(private readonly isBefore: (a: T, b: T) => boolean) {}

  peek(): T | undefined {
    return this.items[0];
  }

  push(item: T): void {
    const { items } = this;
    let hole = items.push(item) - 1;
    while (hole > 0) {
      const up = (hole - 1) >> 1;
      const parent = items[up];
      if (parent === undefined || !this.isBefore(item, parent)) break;
      items[hole] = parent;
      hole = up;
    }
    items[hole] = item;
  }

  pop(): T | undefined {
    const first = this.items[0];
    const last = this.items.pop();
    if (last !== undefined && this.items.length > 0) this.sink(last);
    return first;
  }

  /** Puts `item` in from the top, where a hole is. */
  private sink(item: T): void {
    const { items } = this;
    let hole = 0;
    for (;;) {
      const child = this.lesserChild(hole);
      const below = items[child];
      if (below === undefined || !this.isBefore(below, item)) break;
      items[hole] = below;
      hole = child;
    }
    items[hole] = item;
  }

  private lesserChild(parent: number): number {
    const [left, right] = [2 * parent + 1, 2 * parent + 2];
    const [a, b] = [this.items[left], this.items[right]];
    return a !== undefined && b !== undefined && this.isBefore(b, a) ? right : left;
  }
}

/** Stale items that may lie in a heap before it is cleaned, beside as many live ones. */
const sweepAbove = 64;

/** A binary heap whose items go stale where they lie; stale ones are skipped, and swept out when they are the majority. */
export class LazyHeap<Item> {
  #items: Item[] = [];
  #stale = 0;
  readonly #before: (a: Item, b: Item) => boolean;
  readonly #isLive: (item: Item) => boolean;

  /** @param before a strict order @param isLive once false for an item, always false */
  constructor(before: (a: Item, b: Item) => boolean, isLive: (item: Item) => boolean) {
    this.#before = before;
    this.#isLive = isLive;
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#rise(this.#items.length - 1);
  }

  /** The first live item. */
  peek(): Item | undefined {
    while (this.#items.length > 0 && !this.#isLive(this.#items[0]!)) {
      this.#takeFirst();
      this.#stale = Math.max(0, this.#stale - 1);
    }
    return this.#items[0];
  }

  /** Takes out the first live item. */
  pop(): Item | undefined {
    return this.peek() === undefined ? undefined : this.#takeFirst();
  }

  /** To be called when an item in the heap has gone stale. */
  noteStale(): void {
    this.#stale += 1;
    if (this.#stale <= sweepAbove || this.#stale * 2 <= this.#items.length) return;
    this.#items = this.#items.filter(this.#isLive);
    this.#stale = 0;
    for (let index = (this.#items.length >> 1) - 1; index >= 0; index--) this.#sink(index);
  }

  #takeFirst(): Item {
    const first = this.#items[0]!;
    const last = this.#items.pop()!;
    if (this.#items.length > 0) {
      this.#items[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #rise(start: number): void {
    const items = this.#items;
    for (let index = start; index > 0; ) {
      const parent = (index - 1) >> 1;
      if (!this.#before(items[index]!, items[parent]!)) return;
      [items[index], items[parent]] = [items[parent]!, items[index]!];
      index = parent;
    }
  }

  #sink(start: number): void {
    const items = this.#items;
    for (let index = start; ; ) {
      let first = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < items.length && this.#before(items[child]!, items[first]!)) first = child;
      }
      if (first === index) return;
      [items[index], items[first]] = [items[first]!, items[index]!];
      index = first;
    }
  }
}

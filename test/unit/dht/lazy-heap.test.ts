import { expect } from 'chai';
import fc from 'fast-check';
import { LazyHeap } from '../../../src/lib/dht/lazy-heap.js';

interface Item {
  readonly rank: number;
  live: boolean;
}

const newHeap = (): LazyHeap<Item> => new LazyHeap((a, b) => a.rank < b.rank, (item) => item.live);

describe('a lazy heap', () => {
  it('gives live items in order, whatever went stale, also when most of them did', () => {
    const anyItems = fc.array(fc.record({ rank: fc.nat(), live: fc.double({ min: 0, max: 1, noNaN: true }) }), { maxLength: 400 });
    fc.assert(fc.property(anyItems, fc.double({ min: 0, max: 1, noNaN: true }), (drawn, share) => {
      const items = drawn.map(({ rank, live }) => ({ rank, live: true, goes: live < share }));
      const heap = newHeap();
      for (const item of items) heap.push(item);
      for (const item of items) {
        if (!item.goes) continue;
        item.live = false;
        heap.noteStale();
      }
      const taken: number[] = [];
      for (let item = heap.pop(); item !== undefined; item = heap.pop()) taken.push(item.rank);
      expect(taken).to.deep.equal(items.filter(({ goes }) => !goes).map(({ rank }) => rank).sort((a, b) => a - b));
    }));
  });

  it('asks no more often than the items are many while most pushes go stale at once, so it holds few stale ones', () => {
    let asked = 0;
    const heap = new LazyHeap<Item>((a, b) => a.rank < b.rank, (item) => {
      asked += 1;
      return item.live;
    });
    heap.push({ rank: -1, live: true });
    for (let rank = 0; rank < 10_000; rank++) {
      const item = { rank, live: true };
      heap.push(item);
      item.live = false;
      heap.noteStale();
    }
    expect(asked).to.be.within(9000, 20_000);
    asked = 0;
    expect(heap.pop()?.rank).to.equal(-1);
    expect(heap.peek()).to.equal(undefined);
    expect(asked, 'stale items were swept out long before').to.be.below(200);
  });
});

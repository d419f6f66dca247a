import { expect } from 'chai';
import fc from 'fast-check';
import { WriteQueue } from '../../../src/lib/transport/write-queue.js';

describe('the write queue', () => {
  it('gives back the bytes pushed, in order, whatever the sizes of pushes and takes', () => {
    const push = fc.record({ kind: fc.constant('push' as const), size: fc.integer({ min: 0, max: 90_000 }) });
    const take = fc.record({ kind: fc.constant('take' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) });
    fc.assert(
      fc.property(fc.array(fc.oneof(push, take), { maxLength: 60 }), (steps) => {
        const queue = new WriteQueue();
        let pushed = 0;
        let taken = 0;
        for (const step of steps) {
          if (step.kind === 'push') {
            const first = pushed;
            queue.push(Uint8Array.from({ length: step.size }, (_, index) => (first + index) % 251));
            pushed += step.size;
            continue;
          }
          const next = queue.peek();
          if (pushed > taken && next.length === 0) throw new Error('nothing offered although bytes are queued');
          const count = Math.floor(next.length * step.share);
          for (let index = 0; index < count; index += 1) if (next[index] !== (taken + index) % 251) throw new Error(`wrong byte at ${taken + index}`);
          queue.take(count);
          taken += count;
          if (queue.bytes !== pushed - taken) throw new Error('wrong count');
        }
      }),
    );
  });

  it('joins small chunks, so that they are handed on in one call', () => {
    const queue = new WriteQueue();
    for (let count = 0; count < 1000; count += 1) queue.push(new Uint8Array(40));
    expect(queue.peek()).to.have.length(40_000);
  });

  it('does not copy a large chunk', () => {
    const queue = new WriteQueue();
    const large = new Uint8Array(100_000);
    queue.push(large);
    queue.push(new Uint8Array(10));
    expect(queue.peek().buffer).to.equal(large.buffer);
  });

  it('is empty after it was cleared', () => {
    const queue = new WriteQueue();
    queue.push(new Uint8Array(10));
    queue.take(3);
    queue.clear();
    expect([queue.bytes, queue.peek().length]).to.deep.equal([0, 0]);
  });
});

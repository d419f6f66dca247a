import { expect } from 'chai';
import fc from 'fast-check';
import { expiryGranularityMs, RequestTableCore } from '../../../src/lib/session/request-table-core.js';

describe('request table', () => {
  it('gives each waiting request an id of its own and wraps around', () => {
    const table = new RequestTableCore<{ deadlineMs: number }>();
    const ids = [table.nextId(), table.nextId(), table.nextId()];
    expect(new Set(ids).size).to.equal(3);
  });

  it('skips ids in use', () => {
    const table = new RequestTableCore<{ deadlineMs: number }>();
    table.add(0, { deadlineMs: 5 });
    table.add(1, { deadlineMs: 5 });
    expect(table.nextId()).to.equal(2);
  });

  it('asks to be looked at when the earliest deadline comes', () => {
    const table = new RequestTableCore<{ deadlineMs: number }>();
    expect(table.checkAtMs).to.equal(Infinity);
    expect(table.add(1, { deadlineMs: 100 })).to.equal(true);
    expect(table.add(2, { deadlineMs: 200 })).to.equal(false);
    expect(table.add(3, { deadlineMs: 50 })).to.equal(true);
    expect(table.checkAtMs).to.equal(50);
  });

  type Step = { readonly kind: 'add'; readonly timeoutMs: number } | { readonly kind: 'take'; readonly pick: number } | { readonly kind: 'pass'; readonly ms: number } | { readonly kind: 'end' };
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), timeoutMs: fc.integer({ min: 1, max: 500 }) }),
    fc.record({ kind: fc.constant('take' as const), pick: fc.nat(20) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 300 }) }),
    fc.constant({ kind: 'end' as const }),
  );

  it('lets every request leave exactly once, and late by no more than its granularity, whatever happens', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const table = new RequestTableCore<{ deadlineMs: number }>();
      const waiting = new Map<number, { deadlineMs: number }>();
      let nowMs = 0;
      for (const action of steps) {
        if (action.kind === 'add') {
          const entry = { deadlineMs: nowMs + action.timeoutMs };
          const id = table.nextId();
          table.add(id, entry);
          expect(waiting.has(id)).to.equal(false);
          waiting.set(id, entry);
        } else if (action.kind === 'take') {
          expect(table.take(action.pick)).to.equal(waiting.get(action.pick));
          waiting.delete(action.pick);
        } else if (action.kind === 'end') {
          expect(table.takeAll()).to.have.length(waiting.size);
          waiting.clear();
        } else {
          const untilMs = nowMs + action.ms;
          while (table.checkAtMs <= untilMs) {
            nowMs = Math.max(nowMs, table.checkAtMs);
            for (const [id, entry] of table.expire(nowMs)) {
              expect(waiting.delete(id)).to.equal(true);
              expect(entry.deadlineMs).to.be.at.most(nowMs);
              expect(nowMs - entry.deadlineMs).to.be.at.most(expiryGranularityMs);
            }
          }
          nowMs = untilMs;
        }
        expect(table.size).to.equal(waiting.size);
      }
    }));
  });
});

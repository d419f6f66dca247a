import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import type { NodeId } from '../../../src/lib/identity/node-id.js';
import { ByteBudget } from '../../../src/lib/rpc/byte-budget.js';
import { pumpValues } from '../../../src/lib/rpc/stream-results.js';
import { ValueQueue } from '../../../src/lib/rpc/value-queue.js';

const [a, b, c] = ['a', 'b', 'c'] as NodeId[] as [NodeId, NodeId, NodeId];

describe('the budget of bytes held for peers', () => {
  it('refuses one peer more than half, and all together more than the whole, and counts to the byte', () => {
    const budget = new ByteBudget(100);
    const [ofA, alsoOfA, ofB, ofC] = [budget.open(a), budget.open(a), budget.open(b), budget.open(c)];
    ofA.set(30);
    alsoOfA.set(20);
    expect(() => alsoOfA.set(21)).to.throw(MaculaError).with.property('code', 'MACULA_OVERLOADED');
    alsoOfA.set(0);
    ofB.set(50);
    ofC.set(20);
    expect(budget.bytes).to.equal(100);
    expect(() => ofC.set(21)).to.throw(MaculaError);
    expect(() => ofC.set(10), 'less is never refused').not.to.throw();
    for (const share of [ofA, alsoOfA, ofB, ofC]) share.set(0);
    expect(budget.bytes).to.equal(0);
  });
});

describe('values that wait for their reader', () => {
  function queue(): { values: ValueQueue; told: string[] } {
    const told: string[] = [];
    return { values: new ValueQueue({ taken: () => told.push('taken'), left: () => told.push('left') }), told };
  }

  it('come in order whether they are pushed before or after they are asked for (property)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('push', 'take'), { maxLength: 60 }), async (steps) => {
        const { values } = queue();
        const taken: Promise<unknown>[] = [];
        let pushed = 0;
        for (const step of steps) {
          if (step === 'push') values.push(pushed++, 10);
          else taken.push(values.next().then(({ value }) => value));
        }
        values.end();
        const expected = taken.map((_, index) => (index < pushed ? index : undefined));
        expect(await Promise.all(taken)).to.deep.equal(expected);
        const left: unknown[] = [];
        for await (const value of values) left.push(value);
        expect(left).to.have.length(Math.max(0, pushed - taken.length));
        expect(values.bytes).to.equal(0);
      }),
    );
  });

  it('are followed by the error, or gone at once where nobody shall read them any more', async () => {
    const late = queue().values;
    late.push(1, 1);
    late.endWith(new MaculaError('MACULA_CONNECTION_CLOSED', 'lost'));
    expect((await late.next()).value).to.equal(1);
    expect(await late.next().catch((error: unknown) => MaculaError.from(error).code)).to.equal('MACULA_CONNECTION_CLOSED');
    const early = queue().values;
    early.push(1, 1);
    early.fail(new MaculaError('MACULA_ABORTED', 'cancelled'));
    expect([await early.next().catch((error: unknown) => MaculaError.from(error).code), early.bytes]).to.deep.equal(['MACULA_ABORTED', 0]);
  });

  it('tell their owner when the reader takes one, and when it leaves', async () => {
    const { values, told } = queue();
    for (let n = 0; n < 3; n++) values.push(n, 100);
    for await (const value of values) if (value === 1) break;
    expect([told, values.bytes, values.isEnded]).to.deep.equal([['taken', 'taken', 'left'], 0, true]);
  });
});

describe('values of a procedure on their way out', () => {
  it('are not taken before there is room, and the source is told when nobody wants them', async () => {
    const steps: string[] = [];
    async function* source(): AsyncGenerator<number> {
      try {
        for (let n = 0; ; n++) {
          steps.push(`made ${n}`);
          yield n;
        }
      } finally {
        steps.push('over');
      }
    }
    const controller = new AbortController();
    let open = (): void => undefined;
    const room = new Promise<void>((resolve) => (open = resolve));
    const pumping = pumpValues(source(), (value) => (value === 1 ? room : undefined), controller.signal).catch((error: unknown) => error);
    await new Promise((resolve) => setImmediate(resolve));
    expect(steps).to.deep.equal(['made 0', 'made 1']);
    controller.abort(new MaculaError('MACULA_ABORTED', 'enough'));
    open();
    expect(await pumping).to.equal(controller.signal.reason);
    expect(steps).to.deep.equal(['made 0', 'made 1', 'over']);
  });
});

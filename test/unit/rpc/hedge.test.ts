import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { hedged } from '../../../src/lib/rpc/hedge.js';
import { capture } from '../../support/session-nodes.js';
import { settle, VirtualClock } from '../../support/virtual-clock.js';

const afterMs = 50;

/** A copy of a call that ends as the test says. */
class Copy {
  begun = 0;
  signal: AbortSignal | undefined;
  answer!: (result: string) => void;
  fail!: (error: Error) => void;

  readonly run = (signal: AbortSignal): Promise<string> => {
    this.begun++;
    this.signal = signal;
    return new Promise((resolve, reject) => {
      this.answer = resolve;
      this.fail = reject;
    });
  };
}

interface Lab {
  readonly clock: VirtualClock;
  readonly first: Copy;
  readonly second: Copy;
  readonly caller: AbortController;
  readonly outcome: Promise<{ value?: string; error?: unknown }>;
}

function begin({ withSecond = true }: { withSecond?: boolean } = {}): Lab {
  const clock = new VirtualClock();
  const [first, second, caller] = [new Copy(), new Copy(), new AbortController()];
  const outcome = capture(hedged(clock, afterMs, caller.signal, first.run, () => (withSecond ? second.run : undefined)));
  return { clock, first, second, caller, outcome };
}

/** Nothing may be left that wakes up or holds on to the caller's signal. */
function expectClean({ clock, caller }: Lab): void {
  expect(clock.pendingTimers).to.equal(0);
  expect(getEventListeners(caller.signal, 'abort')).to.deep.equal([]);
}

describe('a hedged call', () => {
  it('asks nobody else where the first answers in time', async () => {
    const lab = begin();
    await lab.clock.advanceAsync(afterMs - 1);
    lab.first.answer('first');
    expect(await lab.outcome).to.deep.equal({ value: 'first' });
    await lab.clock.advanceAsync(1000);
    expect(lab.second.begun).to.equal(0);
    expectClean(lab);
  });

  it('takes the answer of the second where that comes first, and cancels the first', async () => {
    const lab = begin();
    await lab.clock.advanceAsync(afterMs);
    expect([lab.first.begun, lab.second.begun]).to.deep.equal([1, 1]);
    lab.second.answer('second');
    expect(await lab.outcome).to.deep.equal({ value: 'second' });
    expect(lab.first.signal!.aborted).to.equal(true);
    lab.first.fail(new MaculaError('MACULA_ABORTED', 'cancelled'));
    await settle();
    expectClean(lab);
  });

  it('takes the answer of the first where that still comes first, and cancels the second', async () => {
    const lab = begin();
    await lab.clock.advanceAsync(afterMs);
    lab.first.answer('first');
    expect(await lab.outcome).to.deep.equal({ value: 'first' });
    expect(lab.second.signal!.aborted).to.equal(true);
    expectClean(lab);
  });

  it('goes on while one copy runs after the other has failed, whichever it is', async () => {
    for (const failing of ['first', 'second'] as const) {
      const lab = begin();
      const other = failing === 'first' ? 'second' : 'first';
      await lab.clock.advanceAsync(afterMs);
      lab[failing].fail(new Error('it failed'));
      await settle();
      lab[other].answer(other);
      expect(await lab.outcome).to.deep.equal({ value: other });
      expectClean(lab);
    }
  });

  it('fails with the error that came first where both copies fail', async () => {
    const lab = begin();
    const [one, other] = [new Error('one'), new Error('other')];
    await lab.clock.advanceAsync(afterMs);
    lab.second.fail(one);
    await settle();
    lab.first.fail(other);
    expect((await lab.outcome).error).to.equal(one);
    expectClean(lab);
  });

  it('fails at once where the first fails before a second was sent: trying again is for others to decide', async () => {
    const lab = begin();
    const error = new Error('it failed');
    lab.first.fail(error);
    expect((await lab.outcome).error).to.equal(error);
    await lab.clock.advanceAsync(1000);
    expect(lab.second.begun).to.equal(0);
    expectClean(lab);
  });

  it('waits for the first alone where there is to be no second after all', async () => {
    const lab = begin({ withSecond: false });
    await lab.clock.advanceAsync(1000);
    lab.first.answer('first');
    expect(await lab.outcome).to.deep.equal({ value: 'first' });
    expectClean(lab);
  });

  it('cancels both copies with the reason of the caller', async () => {
    const lab = begin();
    await lab.clock.advanceAsync(afterMs);
    const reason = new MaculaError('MACULA_ABORTED', 'the caller is gone');
    lab.caller.abort(reason);
    expect([lab.first.signal!.reason, lab.second.signal!.reason]).to.deep.equal([reason, reason]);
    lab.first.fail(reason);
    lab.second.fail(reason);
    expect((await lab.outcome).error).to.equal(reason);
    expectClean(lab);
  });

  it('begins with a cancelled signal where the caller was gone before', async () => {
    const [clock, first, caller] = [new VirtualClock(), new Copy(), new AbortController()];
    caller.abort();
    const outcome = capture(hedged(clock, afterMs, caller.signal, first.run, () => undefined));
    expect(first.signal!.aborted).to.equal(true);
    first.fail(new MaculaError('MACULA_ABORTED', 'gone'));
    expect((await outcome).error).to.have.property('code', 'MACULA_ABORTED');
    expect(clock.pendingTimers).to.equal(0);
  });
});

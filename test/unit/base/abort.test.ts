import { expect } from 'chai';
import { getEventListeners } from 'node:events';
import { delay, following, untilAborted, withTimeout } from '../../../src/lib/base/abort.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { settle, VirtualClock } from '../../support/virtual-clock.js';

const never = new Promise<never>(() => undefined);
const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: MaculaError) => error.code);

describe('waiting with an AbortSignal', () => {
  it('a delay ends when its time has come and leaves no timer', async () => {
    const clock = new VirtualClock();
    let done = false;
    void delay(clock, 100).then(() => (done = true));
    await clock.advanceAsync(99);
    expect(done).to.equal(false);
    await clock.advanceAsync(1);
    expect(done).to.equal(true);
    expect(clock.pendingTimers).to.equal(0);
  });

  it('a delay ends at once when the signal aborts, and its timer is gone', async () => {
    const clock = new VirtualClock();
    const controller = new AbortController();
    const waiting = outcome(delay(clock, 100, controller.signal));
    controller.abort();
    expect(await waiting).to.equal('MACULA_ABORTED');
    expect(clock.pendingTimers).to.equal(0);
    expect(await outcome(delay(clock, 100, controller.signal))).to.equal('MACULA_ABORTED');
  });

  it('work that takes too long is told so and reported as timed out', async () => {
    const clock = new VirtualClock();
    let inner: AbortSignal | undefined;
    const waiting = outcome(withTimeout(clock, 50, 'the lookup', undefined, (signal) => ((inner = signal), never)));
    await settle();
    await clock.advanceAsync(50);
    expect(await waiting).to.equal('MACULA_TIMED_OUT');
    expect(inner!.aborted).to.equal(true);
  });

  it('work that ends in time keeps its result and leaves no timer', async () => {
    const clock = new VirtualClock();
    expect(await withTimeout(clock, 50, 'the lookup', undefined, async () => 7)).to.equal(7);
    expect(clock.pendingTimers).to.equal(0);
  });

  it('the caller’s own reason is what an aborted wait rejects with', async () => {
    const reason = new MaculaError('MACULA_CONNECTION_CLOSED', 'gone');
    const controller = new AbortController();
    const waiting = untilAborted(never, controller.signal).catch((error: unknown) => error);
    controller.abort(reason);
    expect(await waiting).to.equal(reason);
  });

  it('one signal may end any number of waits, without a warning of a leak, and keeps no listener of those that are over', async () => {
    const clock = new VirtualClock();
    const { signal } = new AbortController();
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    try {
      const waits = Array.from({ length: 50 }, () => [delay(clock, 10, signal), untilAborted(Promise.resolve(), signal), withTimeout(clock, 50, 'it', signal, () => delay(clock, 10))]).flat();
      expect(getEventListeners(signal, 'abort').length).to.be.above(100);
      await clock.advanceAsync(10);
      await Promise.all(waits);
      await settle();
      expect(warnings).to.deep.equal([]);
      expect(getEventListeners(signal, 'abort')).to.deep.equal([]);
    } finally {
      process.off('warning', onWarning);
    }
  });

  it('a signal that follows another aborts with it, for its reason, or alone, and then lets go of it', () => {
    const [first, second] = [new MaculaError('MACULA_CONNECTION_CLOSED', 'gone'), new MaculaError('MACULA_ABORTED', 'lost')];
    const leader = new AbortController();
    const [one, other] = [following(leader.signal), following(leader.signal)];
    other.end(second);
    expect([one.signal.aborted, other.signal.aborted, other.signal.reason]).to.deep.equal([false, true, second]);
    expect(getEventListeners(leader.signal, 'abort')).to.have.length(1);
    leader.abort(first);
    expect([one.signal.reason, other.signal.reason]).to.deep.equal([first, second]);
    one.end(second);
    expect([one.signal.reason, following(leader.signal).signal.reason]).to.deep.equal([first, first]);
  });
});

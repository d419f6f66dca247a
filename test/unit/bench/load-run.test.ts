import { expect } from 'chai';
import { delay } from '../../../src/lib/base/abort.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { runLoad, type LoadSettings, type Operation } from '../../../src/lib/bench/load-run.js';
import type { LoadSummary } from '../../../src/lib/bench/load-tally.js';
import { settle, VirtualClock } from '../../support/virtual-clock.js';

/** A run under virtual time; `summaries` fills as it goes. */
class Lab {
  readonly clock = new VirtualClock();
  readonly summaries: LoadSummary[] = [];
  readonly controller = new AbortController();
  running = 0;
  most = 0;
  error: Error | undefined;
  isOver = false;

  start(settings: Partial<LoadSettings>, work: (nth: number, signal: AbortSignal) => Promise<number>): void {
    let nth = 0;
    const operation: Operation = async (signal) => {
      this.most = Math.max(this.most, ++this.running);
      try {
        return await work(++nth, signal);
      } finally {
        this.running--;
      }
    };
    const run = runLoad({ clock: this.clock, operation }, { concurrency: 3, durationMs: 1000, reportMs: 250, ...settings }, this.controller.signal);
    void (async () => {
      try {
        for await (const summary of run) this.summaries.push(summary);
      } catch (error) {
        this.error = error as Error;
      }
      this.isOver = true;
    })();
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      await settle();
      this.clock.advance(10);
    }
    await settle();
  }
}

describe('a load', () => {
  it('keeps as many operations under way as asked, begins none after its time, and waits for the last ones', async () => {
    const lab = new Lab();
    lab.start({}, (_nth, signal) => delay(lab.clock, 300, signal).then(() => 64));
    await lab.pass(1100);
    expect(lab.isOver).to.equal(false);
    await lab.pass(200);
    expect(lab.isOver).to.equal(true);
    expect(lab.most).to.equal(3);
    const last = lab.summaries.at(-1)!;
    expect(last).to.include({ operations: 12, bytes: 12 * 64, elapsedMs: 1200, ratePerSecond: 10 });
    expect(last.latencyMs).to.include({ p50: 300, max: 300 });
    expect(lab.summaries[0]).to.include({ operations: 0, elapsedMs: 250 });
  });

  it('counts failures by code and goes on, but not in a loop that lets nothing else run', async () => {
    const lab = new Lab();
    lab.start({ concurrency: 1 }, async (nth) => {
      if (nth % 2 === 0) await delay(lab.clock, 10);
      else throw new MaculaError('MACULA_OVERLOADED', 'no');
      return 1;
    });
    await lab.pass(1100);
    const { operations, errors } = lab.summaries.at(-1)!;
    expect(operations).to.equal(50);
    expect(errors).to.deep.equal({ MACULA_OVERLOADED: 50 });
  });

  it('ends with the signal, and so do its operations', async () => {
    const lab = new Lab();
    let ended = 0;
    lab.start({ durationMs: 60_000 }, (_nth, signal) => delay(lab.clock, 50_000, signal).then(() => 1, (error: unknown) => {
      ended++;
      throw error;
    }));
    await lab.pass(500);
    lab.controller.abort(new MaculaError('MACULA_ABORTED', 'enough'));
    await settle();
    expect(lab.isOver).to.equal(true);
    expect(lab.error).to.have.property('code', 'MACULA_ABORTED');
    expect(ended).to.equal(3);
    expect(lab.clock.pendingTimers).to.equal(0);
  });

  it('ends when nobody reads it any more', async () => {
    const clock = new VirtualClock();
    let aborted = false;
    const operation: Operation = (signal) => delay(clock, 10_000, signal).then(() => 1, (error: unknown) => {
      aborted = true;
      throw error;
    });
    const run = runLoad({ clock, operation }, { concurrency: 1, durationMs: 60_000, reportMs: 100 }, new AbortController().signal);
    const first = run.next();
    await settle();
    clock.advance(100);
    expect((await first).value).to.include({ operations: 0 });
    await run.return();
    expect(aborted).to.equal(true);
  });
});

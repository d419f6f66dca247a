import { expect } from 'chai';
import { delay } from '../../../src/lib/base/abort.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import type { ErrorCode } from '../../../src/lib/base/error-catalogue.js';
import { raceAddresses, raceWays } from '../../../src/lib/peers/dial-race.js';
import { VirtualClock } from '../../support/virtual-clock.js';

/** Per address: milliseconds until its outcome, and the error if it fails. */
type Plan = Record<string, [number, ErrorCode?]>;

interface Run {
  log: string[];
  outcome: string;
  clock: VirtualClock;
}

async function race(plan: Plan, abortAtMs?: number, isFinal?: (failure: MaculaError) => boolean): Promise<Run> {
  const clock = new VirtualClock();
  const log: string[] = [];
  const abort = new AbortController();
  let outcome = '';
  void raceAddresses(clock, Object.keys(plan), abort.signal, async (address, signal) => {
    log.push(`${clock.nowMs()} ${address}`);
    signal.addEventListener('abort', () => log.push(`${clock.nowMs()} abort ${address}`), { once: true });
    const [ms, code] = plan[address]!;
    await delay(clock, ms, signal);
    if (code) throw new MaculaError(code, code);
    return address;
  }, isFinal).then((result) => (outcome = result), (error: unknown) => (outcome = MaculaError.from(error).code));
  if (abortAtMs !== undefined) clock.setTimer(abortAtMs, () => abort.abort());
  await clock.advanceUntil(() => outcome !== '');
  await clock.advanceAsync(0);
  return { log, outcome, clock };
}

describe('a race of addresses', () => {
  it('asks one only when it answers in time', async () => {
    const { log, outcome } = await race({ a: [100], b: [1] });
    expect(outcome).to.equal('a');
    expect(log.filter((line) => !line.includes('abort'))).to.deep.equal(['0 a']);
  });

  it('gives each a head start of 250 ms, takes the first and aborts the rest', async () => {
    const { log, outcome, clock } = await race({ a: [10_000], b: [400], c: [200], d: [1] });
    expect(outcome).to.equal('b');
    expect(log).to.include.members(['0 a', '250 b', '500 c', '650 abort a', '650 abort c']);
    expect(log.some((line) => line.endsWith(' d'))).to.equal(false);
    expect(clock.pendingTimers).to.equal(0);
  });

  it('sets no timer of its own where there is nobody to have a head start over', async () => {
    const clock = new VirtualClock();
    let timers = -1;
    const result = await raceAddresses(clock, ['a'], new AbortController().signal, async (address) => {
      await Promise.resolve();
      timers = clock.pendingTimers;
      return address;
    });
    expect([result, timers]).to.deep.equal(['a', 0]);
  });

  it('goes on at once when one fails', async () => {
    const { log, outcome } = await race({ a: [10, 'MACULA_UNREACHABLE'], b: [20] });
    expect(outcome).to.equal('b');
    expect(log).to.include('10 b');
  });

  const failures: [string, Plan, string][] = [
    ['the refusal among silences', { a: [10, 'MACULA_UNREACHABLE'], b: [10, 'MACULA_REALM_MISMATCH'], c: [10, 'MACULA_UNREACHABLE'] }, 'MACULA_REALM_MISMATCH'],
    ['the silence when there is nothing else', { a: [900, 'MACULA_UNREACHABLE'], b: [10, 'MACULA_UNREACHABLE'] }, 'MACULA_UNREACHABLE'],
    ['that there was nothing to try', {}, 'MACULA_UNREACHABLE'],
  ];
  for (const [what, plan, code] of failures) it(`reports ${what} when all fail`, async () => expect((await race(plan)).outcome).to.equal(code));

  it('ends with what is final, and waits for nobody else then', async () => {
    const refused = await race({ a: [200, 'MACULA_PEER_UNTRUSTED'], b: [5000] }, undefined, ({ code }) => code === 'MACULA_PEER_UNTRUSTED');
    expect([refused.outcome, refused.clock.nowMs(), refused.log]).to.deep.equal(['MACULA_PEER_UNTRUSTED', 200, ['0 a', '200 abort a']]);
    const late = await race({ a: [300, 'MACULA_PEER_UNTRUSTED'], b: [5000] }, undefined, ({ code }) => code === 'MACULA_PEER_UNTRUSTED');
    expect([late.outcome, late.clock.nowMs(), late.log]).to.deep.equal(['MACULA_PEER_UNTRUSTED', 300, ['0 a', '250 b', '300 abort a', '300 abort b']]);
  });

  it('ends with the signal', async () => {
    const { outcome, clock } = await race({ a: [10_000], b: [10_000] }, 300);
    expect(outcome).to.equal('MACULA_ABORTED');
    expect(clock.nowMs()).to.equal(300);
    expect(clock.pendingTimers).to.equal(0);
  });
});

describe('a race of ways', () => {
  const failing = (code: ErrorCode): (() => Promise<string>) => () => Promise.reject(new MaculaError(code, code));
  const silent = (signal: AbortSignal): Promise<string> => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
  const never = new AbortController().signal;
  const codeOf = (run: Promise<string>): Promise<string> => run.then((way) => way, (error: unknown) => MaculaError.from(error).code);

  it('takes the first that succeeds, and the most telling failure where none does', async () => {
    expect(await codeOf(raceWays([failing('MACULA_UNREACHABLE'), async () => 'second'], never))).to.equal('second');
    expect(await codeOf(raceWays([failing('MACULA_TIMED_OUT'), failing('MACULA_REALM_MISMATCH')], never))).to.equal('MACULA_REALM_MISMATCH');
    expect(await codeOf(raceWays([], never))).to.equal('MACULA_UNREACHABLE');
  });

  it('ends with a failure that is final for its way, while others go on', async () => {
    const isFinal = ({ code }: MaculaError, index: number): boolean => index === 0 && code === 'MACULA_PEER_UNTRUSTED';
    expect(await codeOf(raceWays([failing('MACULA_PEER_UNTRUSTED'), silent], never, isFinal))).to.equal('MACULA_PEER_UNTRUSTED');
    expect(await codeOf(raceWays([async () => 'first', failing('MACULA_PEER_UNTRUSTED')], never, isFinal))).to.equal('first');
  });
});

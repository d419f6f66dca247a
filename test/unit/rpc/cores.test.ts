import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import type { ErrorCode } from '../../../src/lib/base/error-catalogue.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import type { NodeId } from '../../../src/lib/identity/node-id.js';
import { chooseProvider } from '../../../src/lib/rpc/balancer.js';
import { CallIds } from '../../../src/lib/rpc/call-ids.js';
import { CallMemory } from '../../../src/lib/rpc/call-memory.js';
import { HedgePolicy } from '../../../src/lib/rpc/hedge-policy.js';
import { PeerCalls } from '../../../src/lib/rpc/peer-calls.js';
import { ProviderState } from '../../../src/lib/rpc/provider-state.js';
import { RetryPolicy, type FailedAttempt } from '../../../src/lib/rpc/retry-policy.js';
import { ShareBudget } from '../../../src/lib/rpc/share-budget.js';
import { executedOf, procedureError, RpcStatus, statusName, statusOf, type RpcStatusName } from '../../../src/lib/rpc/status.js';

const settings = defaultSettings();
const random = seededRandom(7);

describe('the budget of extra work', () => {
  it('allows a share of the ordinary work beside a steady rate', () => {
    const budget = new ShareBudget(0.2, 0);
    expect(budget.take(0)).to.equal(false);
    for (let call = 0; call < 5; call++) budget.earn();
    expect([budget.take(0), budget.take(0)]).to.deep.equal([true, false]);
    const steady = new ShareBudget(0, 10);
    let allowed = 0;
    while (steady.take(0)) allowed++;
    expect(allowed, 'ten seconds saved up').to.equal(100);
    expect([steady.take(100), steady.take(100)]).to.deep.equal([true, false]);
  });
});

describe('whether a failed attempt is followed by another', () => {
  const policy = (): RetryPolicy => new RetryPolicy({ budget: new ShareBudget(0.2, 10), random }, settings);
  const attempt = (error: MaculaError, given: Partial<FailedAttempt> = {}): FailedAttempt => ({ error, attempts: 1, idempotent: false, remainingMs: 5000, hasOther: true, ...given });
  const cases: [ErrorCode, Record<string, unknown>, Partial<FailedAttempt>, string][] = [
    ['MACULA_UNREACHABLE', {}, {}, 'retry'],
    ['MACULA_UNREACHABLE', {}, { hasOther: false }, 'retry'],
    ['MACULA_OVERLOADED', {}, {}, 'retry'],
    ['MACULA_NO_PROVIDER', {}, {}, 'retry'],
    ['MACULA_NO_PROVIDER', {}, { hasOther: false }, 'nobody-else'],
    ['MACULA_CALL_REFUSED', {}, { hasOther: false }, 'nobody-else'],
    ['MACULA_CONNECTION_CLOSED', {}, {}, 'may-have-run'],
    ['MACULA_CONNECTION_CLOSED', { executed: 'no' }, {}, 'retry'],
    ['MACULA_CONNECTION_CLOSED', {}, { idempotent: true }, 'retry'],
    ['MACULA_TIMED_OUT', {}, {}, 'may-have-run'],
    ['MACULA_TIMED_OUT', {}, { idempotent: true }, 'retry'],
    ['MACULA_TIMED_OUT', {}, { idempotent: true, remainingMs: 0 }, 'deadline'],
    ['MACULA_CALL_FAILED', { status: 'INTERNAL' }, { idempotent: true }, 'final'],
    ['MACULA_CALL_FAILED', { status: 'UNAVAILABLE' }, { idempotent: true }, 'retry'],
    ['MACULA_CALL_FAILED', { status: 'UNAVAILABLE' }, {}, 'final'],
    ['MACULA_ABORTED', {}, { idempotent: true }, 'final'],
    ['MACULA_INVALID_VALUE', {}, { idempotent: true }, 'final'],
    ['MACULA_UNREACHABLE', {}, { attempts: 4 }, 'attempts'],
  ];
  for (const [code, details, given, expected] of cases) {
    it(`${code} ${JSON.stringify({ ...details, ...given })}: ${expected}`, () => {
      const decision = policy().decide(attempt(new MaculaError(code, 'm', { details }), given), 0);
      expect(decision.kind === 'retry' ? 'retry' : decision.why).to.equal(expected);
    });
  }

  it('waits at most 100 ms, doubled with each retry up to a second, and as long as an overloaded provider said when there is no other', () => {
    for (const [attempts, most] of [[1, 100], [2, 200], [3, 400]] as const) {
      for (let round = 0; round < 20; round++) {
        const decision = policy().decide(attempt(new MaculaError('MACULA_UNREACHABLE', 'm'), { attempts }), 0);
        expect(decision).to.have.property('delayMs').that.is.within(0, most);
      }
    }
    const overloaded = new MaculaError('MACULA_OVERLOADED', 'm', { details: { retryAfterMs: 700 } });
    expect(policy().decide(attempt(overloaded, { hasOther: false }), 0)).to.have.property('delayMs').that.is.within(700, 800);
  });

  it('gives up when the budget is spent', () => {
    const spent = new RetryPolicy({ budget: new ShareBudget(0.2, 0), random }, settings);
    expect(spent.decide(attempt(new MaculaError('MACULA_UNREACHABLE', 'm')), 0)).to.deep.equal({ kind: 'give-up', why: 'budget' });
  });
});

describe('choosing a provider', () => {
  const provider = (name: string): ProviderState => new ProviderState(name, settings);
  const measured = (name: string, rttMs: number): ProviderState => {
    const state = provider(name);
    state.begin(0);
    state.end('good', rttMs, 0, random);
    return state;
  };
  const broken = (name: string): ProviderState => {
    const state = provider(name);
    for (let failure = 0; failure < 5; failure++) {
      state.begin(0);
      state.end('failed', 1, 0, random);
    }
    return state;
  };

  it('takes the cheaper of two, and counts what is under way', () => {
    const [fast, slow] = [measured('fast', 1), measured('slow', 10)];
    expect(chooseProvider([slow, fast], [], 0, random)).to.equal(fast);
    for (let call = 0; call < 10; call++) fast.begin(0);
    expect(chooseProvider([slow, fast], [], 0, random)).to.equal(slow);
  });

  it('passes over those tried, paused or behind an open circuit, and takes one all the same when everybody is out', () => {
    const [a, b] = [measured('a', 1), measured('b', 5)];
    expect(chooseProvider([a, b], [a], 0, random)).to.equal(b);
    const out = broken('out');
    for (let round = 0; round < 10; round++) expect(chooseProvider([out, b], [], 0, random)).to.equal(b);
    a.begin(0);
    a.end('overloaded', 1, 0, random, 500);
    expect(chooseProvider([a, b], [], 100, random)).to.equal(b);
    expect(chooseProvider([a, b], [], 600, random)).to.equal(a);
    expect(chooseProvider([out], [out], 0, random)).to.equal(out);
    expect(chooseProvider([], [], 0, random)).to.equal(undefined);
  });

  it('lets one trial through when the pause of a circuit is over, and takes the provider back after it', () => {
    const state = broken('a');
    const nowMs = 7000;
    expect([state.isOpenTo(1000), state.isOpenTo(nowMs)]).to.deep.equal([false, true]);
    state.begin(nowMs);
    expect(state.isOpenTo(nowMs)).to.equal(false);
    state.end('good', 1, nowMs, random);
    expect([state.isOpenTo(nowMs), state.breaker.state(nowMs)]).to.deep.equal([true, 'closed']);
  });

  it('forgets old round trips', () => {
    const state = measured('a', 100);
    state.begin(100_000);
    state.end('good', 1, 100_000, random);
    expect(state.rttMs).to.be.below(2);
    const [slow, quick] = [measured('slow', 1000), measured('quick', 1)];
    expect(chooseProvider([slow, quick], [], 0, random)).to.equal(quick);
    quick.begin(100_000);
    quick.end('good', 1, 100_000, random);
    expect(chooseProvider([slow, quick], [], 100_001, random), 'one that was slow long ago gets another chance').to.equal(slow);
  });
});

describe('hedging', () => {
  it('waits for enough answers, then for their 95th percentile, and adds at most one call in twenty', () => {
    const policy = new HedgePolicy(0.05);
    expect(policy.begin('p')).to.equal(undefined);
    for (let answer = 1; answer <= 32; answer++) policy.answered('p', answer);
    expect(policy.begin('p')).to.equal(31);
    let copies = 0;
    for (let call = 0; call < 1000; call++) {
      policy.begin('p');
      if (policy.take(0)) copies++;
    }
    expect(copies).to.be.within(45, 51);
  });
});

describe('the memory of idempotent calls', () => {
  it('finds what runs and what is done until the deadline, and holds no more bytes than it may', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ key: fc.integer({ min: 0, max: 30 }), bytes: fc.integer({ min: 0, max: 4000 }), finish: fc.boolean() }), { maxLength: 100 }), (steps) => {
        const memory = new CallMemory<string>(10_000);
        let nowMs = 0;
        for (const { key, bytes, finish } of steps) {
          nowMs += 10;
          if (memory.find(String(key), nowMs)) continue;
          const call = memory.begin(String(key), 'running', nowMs + 200, nowMs);
          expect(memory.find(String(key), nowMs)).to.equal(call);
          if (finish) memory.finish(call, new Uint8Array(bytes));
          else memory.forget(call);
          expect(memory.bytes).to.be.at.most(10_000);
        }
        for (let key = 0; key <= 30; key++) expect(memory.find(String(key), nowMs + 1000)).to.equal(undefined);
        expect([memory.size, memory.bytes]).to.deep.equal([0, 0]);
      }),
    );
  });

  it('lets the answers given first go first, and neither one that came again later nor a call that runs', () => {
    const memory = new CallMemory<string>(3 * 356);
    const begin = (key: string): ReturnType<typeof memory.begin> => memory.begin(key, 'running', 1000, 0);
    const [running, first, second, third] = ['running', 'first', 'second', 'third'].map(begin);
    for (const call of [first!, second!, third!]) memory.finish(call, new Uint8Array(100));
    memory.forget(second!);
    memory.finish(begin('second'), new Uint8Array(100));
    memory.finish(begin('fourth'), new Uint8Array(100));
    const kept = ['running', 'first', 'second', 'third', 'fourth'].filter((key) => memory.find(key, 0));
    expect(kept).to.deep.equal(['running', 'second', 'third', 'fourth']);
    memory.finish(running!, new Uint8Array(100));
    expect([memory.find('third', 0), memory.bytes]).to.deep.equal([undefined, 3 * 356]);
  });
});

describe('ids of idempotent calls', () => {
  it('are never the same, also where the count carries over, and differ from those of another run', () => {
    const [ids, others] = [new CallIds(seededRandom(1)), new CallIds(seededRandom(2))];
    const given = new Set<string>();
    for (let count = 0; count < 70_000; count++) given.add(Buffer.from(ids.next()).toString('hex'));
    for (let count = 0; count < 1000; count++) given.add(Buffer.from(others.next()).toString('hex'));
    expect(given.size).to.equal(71_000);
    expect([...given].every((id) => id.length === 32)).to.equal(true);
  });
});

describe('calls under way by node', () => {
  it('are counted for each, and those of nodes asked once are not kept for ever', () => {
    const calls = new PeerCalls();
    const nodes = Array.from({ length: 5000 }, (_, index) => `node ${index}` as NodeId);
    for (const node of nodes) calls.begin(node);
    calls.begin(nodes[7]!);
    for (const node of nodes) calls.end(node);
    expect([calls.underWay(nodes[7]!), calls.underWay(nodes[8]!)]).to.deep.equal([1, 0]);
    expect(calls.size).to.be.at.most(1001);
  });
});

describe('status codes', () => {
  it('are those of gRPC', () => {
    expect(Object.values(RpcStatus)).to.deep.equal(Array.from({ length: 17 }, (_, code) => code));
    for (const [name, code] of Object.entries(RpcStatus)) expect(statusName(code)).to.equal(name);
    expect(statusName(99)).to.equal('UNKNOWN');
  });

  for (const [error, status, executed] of [
    [new MaculaError('MACULA_NO_PROVIDER', 'm'), 'UNIMPLEMENTED', 'no'],
    [new MaculaError('MACULA_OVERLOADED', 'm'), 'RESOURCE_EXHAUSTED', 'no'],
    [new MaculaError('MACULA_CALL_REFUSED', 'm'), 'PERMISSION_DENIED', 'no'],
    [new MaculaError('MACULA_TIMED_OUT', 'm'), 'DEADLINE_EXCEEDED', 'maybe'],
    [new MaculaError('MACULA_TIMED_OUT', 'm', { details: { executed: 'no' } }), 'DEADLINE_EXCEEDED', 'no'],
    [new MaculaError('MACULA_CONNECTION_CLOSED', 'm'), 'UNAVAILABLE', 'maybe'],
    [procedureError('OUT_OF_RANGE', 'm'), 'OUT_OF_RANGE', 'yes'],
  ] as [MaculaError, RpcStatusName, string][]) {
    it(`${error.code} ${JSON.stringify(error.details)} is ${status}, executed: ${executed}`, () => expect([statusOf(error), executedOf(error)]).to.deep.equal([status, executed]));
  }
});

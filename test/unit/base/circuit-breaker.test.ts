import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import { CircuitBreaker } from '../../../src/lib/base/circuit-breaker.js';

const settings = { breakerFailures: 5, breakerMinMs: 5000, breakerMaxMs: 300_000 };
const random = seededRandom(1);

function opened(atMs = 0): { breaker: CircuitBreaker; pauseMs: number } {
  const breaker = new CircuitBreaker(settings);
  for (let failure = 1; failure < 5; failure++) breaker.failed(atMs, random);
  return { breaker, pauseMs: breaker.failed(atMs, random)! };
}

describe('circuit breaker', () => {
  it('lets everything through until five failures in a row', () => {
    const breaker = new CircuitBreaker(settings);
    for (let failure = 0; failure < 4; failure++) expect(breaker.failed(0, random)).to.equal(undefined);
    expect([breaker.state(0), breaker.admit(0)]).to.deep.equal(['closed', true]);
    breaker.succeeded();
    for (let failure = 0; failure < 4; failure++) expect(breaker.failed(0, random)).to.equal(undefined);
    expect(breaker.failed(0, random)).to.be.within(5000, 6000);
    expect([breaker.state(0), breaker.admit(0)]).to.deep.equal(['open', false]);
  });

  it('lets one trial through when the pause is over', () => {
    const { breaker, pauseMs } = opened();
    expect([breaker.state(pauseMs - 1), breaker.admit(pauseMs - 1)]).to.deep.equal(['open', false]);
    expect([breaker.state(pauseMs), breaker.admit(pauseMs), breaker.admit(pauseMs)]).to.deep.equal(['half-open', true, false]);
  });

  it('is closed by a trial that succeeds', () => {
    const { breaker, pauseMs } = opened();
    breaker.admit(pauseMs);
    breaker.succeeded();
    expect([breaker.state(pauseMs), breaker.failures, breaker.admit(pauseMs), breaker.admit(pauseMs)]).to.deep.equal(['closed', 0, true, true]);
  });

  it('doubles the pause with each trial that fails, to 300 s and jitter at most', () => {
    const { breaker, pauseMs } = opened();
    let nowMs = pauseMs;
    for (const expectedMs of [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]) {
      expect(breaker.admit(nowMs)).to.equal(true);
      const nextMs = breaker.failed(nowMs, random)!;
      expect(nextMs).to.be.within(expectedMs, expectedMs * 1.2);
      nowMs += nextMs;
    }
  });

  it('does not lengthen a pause for failures that were under way when it began', () => {
    const { breaker, pauseMs } = opened();
    expect(breaker.failed(1, random)).to.equal(undefined);
    expect(breaker.waitMs(0)).to.equal(pauseMs);
  });

  it('lets another trial through when nobody says how the last one ended', () => {
    const { breaker, pauseMs } = opened();
    breaker.admit(pauseMs);
    expect(breaker.waitMs(pauseMs)).to.equal(5000);
    expect(breaker.admit(pauseMs + 5000)).to.equal(true);
  });
});

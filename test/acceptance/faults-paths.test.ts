import { expect } from 'chai';
import { RoughPair, type PathFaults } from '../support/rough-pair.js';

const calls = 100;
const messages = 20;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, value) => value);

describe('calls, messages and values over a bad path', function () {
  this.timeout(120_000);
  let pair: RoughPair;
  afterEach(() => pair.close());

  const cases: [string, PathFaults][] = [
    ['8 % of all datagrams lost (HARDENING 6)', { seed: 1, loss: 0.08 }],
    ['25 % reordered and 10 % duplicated (HARDENING 7)', { seed: 2, reordering: 0.25, duplicates: 0.1 }],
  ];
  for (const [what, faults] of cases) {
    it(`all come to their end, each exactly once, with ${what}`, async () => {
      pair = new RoughPair(faults);
      await pair.start();
      const [outcomes] = await Promise.all([pair.call(calls), pair.publish(messages), pair.store(3)]);
      expect(outcomes).to.deep.equal(Array(calls).fill('right'));
      expect([...pair.executions.keys()].sort((a, b) => a - b)).to.deep.equal(numbers(calls));
      expect(new Set(pair.executions.values()), 'how often calls ran').to.deep.equal(new Set([1]));
      expect(pair.heard).to.deep.equal(numbers(messages).map(String));
    });
  }
});

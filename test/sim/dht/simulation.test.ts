import { expect } from 'chai';
import { internet } from './network-model.js';
import { measureLookups } from './measures.js';
import { scenarios, type Outcome, type Scale, type ScenarioName } from './scenarios.js';
import { SimNetwork } from './sim-network.js';

const minute = 60_000;
const small: Scale = { nodes: 120, lookups: 60, values: 10, readsPerValue: 5, warmUpMs: 3 * minute, readOverMs: 5 * minute };
const seed = 42;

function expectFound(outcome: Outcome, right: number, found: number): void {
  expect(outcome.lookups?.right, `lookups right (seed ${outcome.seed})`).to.be.at.least(right);
  expect(outcome.lookups?.hopsMean, `mean hops (seed ${outcome.seed})`).to.be.at.most(Math.log2(outcome.nodes) / 2 + 1);
  if (outcome.values) {
    expect(outcome.values.stored, `values stored (seed ${outcome.seed})`).to.equal(outcome.values.puts);
    expect(outcome.values.found, `values found (seed ${outcome.seed})`).to.be.at.least(found);
  }
}

describe('Simulated DHT', function () {
  this.timeout(120_000);

  const cases: readonly (readonly [ScenarioName, string, number, number])[] = [
    ['calm', 'finds nodes and values while nothing changes', 0.995, 1],
    ['joined', 'finds them as well in a network that formed by the protocol', 0.995, 1],
    ['churn', 'finds them while nodes live for half an hour', 0.98, 0.99],
    ['silent', 'finds them with a fifth of the nodes silent', 0.95, 0.99],
    ['sybil', 'finds them with a fifth of the nodes Sybils', 0.95, 0.95],
    ['prefix', 'finds them past hundreds of Sybils of one network that crowd around each target', 0.95, 0.95],
    ['partition', 'is whole again within a minute of the end of a partition', 0.99, 1],
  ];
  for (const [name, behaviour, right, found] of cases) it(behaviour, () => expectFound(scenarios[name](small, seed), right, found));

  it('runs the same way from the same seed, message for message', () => {
    const run = (of: number): string => {
      const network = new SimNetwork({ seed: of, nodes: 60, model: internet, converged: true, meanLifeMs: 5 * minute });
      network.run(minute);
      measureLookups(network, 20, 500);
      return network.trace.hex;
    };
    expect(run(1)).to.equal(run(1));
    expect(run(1)).to.not.equal(run(2));
  });
});

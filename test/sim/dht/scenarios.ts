import { measureLookups, measureValues, mean, percentile, type LookupReport, type ValueReport } from './measures.js';
import { internet } from './network-model.js';
import { SimNetwork, type SimOptions } from './sim-network.js';
import type { StoreResult } from '../../../src/lib/dht/dht-operations.js';
import { sharedKey } from '../../../src/lib/dht/record-keys.js';
import { realmId, type Behaviour } from './sim-node.js';

/** How much of a scenario is run: the whole table, or what a test can wait for. */
export interface Scale {
  readonly nodes: number;
  readonly lookups: number;
  readonly values: number;
  readonly readsPerValue: number;
  /** Virtual time of churn before anything is measured, and over which values are read under it. */
  readonly warmUpMs: number;
  readonly readOverMs: number;
}

export interface Outcome {
  readonly scenario: string;
  readonly seed: number;
  readonly nodes: number;
  readonly lookups: LookupReport | undefined;
  readonly values: ValueReport | undefined;
  /** Over the whole of the measurement, upkeep included. */
  readonly bytesPerSecondPerNode: number;
  readonly messages: number;
  readonly hash: string;
  readonly note: string;
}

export type Scenario = (scale: Scale, seed: number) => Outcome;

const minute = 60_000;
const everyMs = 200;

function measure(scenario: string, network: SimNetwork, scale: Scale, part: { values: boolean; readOverMs: number; targetOf?: (index: number) => Uint8Array; note?: string }): Outcome {
  network.resetCounters();
  const beganMs = network.nowMs;
  const lookups = measureLookups(network, scale.lookups, everyMs, part.targetOf);
  const values = part.values ? measureValues(network, scale.values, scale.readsPerValue, part.readOverMs) : undefined;
  const seconds = (network.nowMs - beganMs) / 1000;
  return {
    scenario,
    seed: network.options.seed,
    nodes: scale.nodes,
    lookups,
    values,
    bytesPerSecondPerNode: network.bytes / seconds / network.live.length,
    messages: network.messages,
    hash: network.trace.hex,
    note: part.note ?? '',
  };
}

function base(scale: Scale, seed: number): SimOptions {
  return { seed, nodes: scale.nodes, model: internet, converged: true };
}

/** Every fifth node, and none of them the first. */
function oneInFive(behaviour: Behaviour): (index: number) => Behaviour {
  return (index) => (index % 5 === 4 ? behaviour : 'honest');
}

export const scenarios = {
  calm: (scale, seed) => measure('calm', new SimNetwork(base(scale, seed)), scale, { values: true, readOverMs: minute }),

  /** Tables as they are made know too little of what is close; ten minutes of upkeep mend that. */
  settled: (scale, seed) => {
    const network = new SimNetwork(base(scale, seed));
    network.run(10 * minute);
    return measure('calm, after 10 min of upkeep', network, scale, { values: true, readOverMs: minute });
  },

  joined: (scale, seed) => {
    const network = new SimNetwork({ ...base(scale, seed), converged: false });
    network.run(scale.nodes * 200 + 5 * minute);
    return measure('joined by the protocol', network, scale, { values: true, readOverMs: minute });
  },

  churn: (scale, seed) => {
    const network = new SimNetwork({ ...base(scale, seed), meanLifeMs: 30 * minute });
    network.run(scale.warmUpMs);
    const outcome = measure('churn, nodes live 30 min', network, scale, { values: true, readOverMs: scale.readOverMs });
    return { ...outcome, note: `${network.deaths} nodes replaced; read over ${scale.readOverMs / minute} min` };
  },

  silent: (scale, seed) => measure('20 % silent', new SimNetwork({ ...base(scale, seed), behaviour: oneInFive('silent') }), scale, { values: true, readOverMs: minute }),

  sybil: (scale, seed) => measure('20 % Sybil', new SimNetwork({ ...base(scale, seed), behaviour: oneInFive('sybil') }), scale, { values: true, readOverMs: minute }),

  prefix: (scale, seed) => {
    const network = new SimNetwork(base(scale, seed));
    const targets = Array.from({ length: scale.lookups }, () => network.random.bytes(32));
    const sybils = scale.nodes * 5;
    // Half of them crowd around what will be looked for, half are anywhere.
    network.addSybils(sybils, '198.51.100.7', (index) => (index % 2 === 0 ? targets[(index >> 1) % targets.length] : undefined));
    return measure('Sybils of one /24', network, scale, { values: true, readOverMs: minute, targetOf: (index) => targets[index - 1]!, note: `${sybils} Sybils beside the honest nodes` });
  },

  partition: (scale, seed) => {
    const network = new SimNetwork(base(scale, seed));
    for (const node of network.live) node.side = node.index % 2;
    network.partitioned = true;
    network.run(10 * minute);
    network.partitioned = false;
    network.run(30_000);
    // All lookups end within a minute of the moment the network was whole again.
    const lookups = Math.min(scale.lookups, 25_000 / everyMs);
    return measure('50/50 partition, healed', network, { ...scale, lookups }, { values: false, readOverMs: 0, note: 'apart for 10 min; lookups from 30 s after' });
  },

  massDeath: (scale, seed) => {
    const network = new SimNetwork(base(scale, seed));
    network.run(minute);
    for (const node of [...network.live]) if (network.random.float() < 0.3) network.kill(node);
    const puts: StoreResult[] = [];
    for (let index = 0; index < scale.values; index++) {
      network.operate(network.randomHonest(), { type: 'put', key: sharedKey(realmId, `after ${index}`), body: Buffer.from('x'), ttlMs: 60 * minute }, (result) => {
        if (result.type === 'store') puts.push(result);
      });
    }
    network.run(20_000);
    const note = `puts at once after it: ${puts.filter(({ outcome }) => outcome === 'stored').length} of ${scale.values} stored, p50 ${Math.round(percentile(puts.map(({ durationMs }) => durationMs), 0.5))} ms, ${mean(puts.map(({ queried }) => queried)).toFixed(1)} asked`;
    return measure('30 % dead at once', network, scale, { values: false, readOverMs: 0, note });
  },
} satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof scenarios;

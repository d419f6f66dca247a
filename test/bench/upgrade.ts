import { setTimeout as pause } from 'node:timers/promises';
import type { NatKind } from '../support/nat-lab.js';
import { labObstacle } from '../support/network-lab.js';
import { becomes } from '../soak/scenario.js';
import { PunchLab, type LabNode } from '../support/punch-lab.js';
import { percentile, report, type Row } from './harness.js';
import { TrafficCounters, type Traffic } from './nat-traffic.js';

// How long a connection stays on its relay before it is direct, behind NATs of which each needs another way of punching, and what it
// costs per hour to keep idle connections and reservations: real nodes in the network namespaces of the lab.
const upgrades = 20;
/** Some meetings begin with a direct path, and most do not. */
const mostMeetings = 3 * upgrades;
/** For what follows a meeting: questions to new peers, attempts at better paths. */
const settleSeconds = 30;
/** Reservations are renewed as often, so each has one renewal in it. */
const idleSeconds = 300;
/** As run.ts knows it. */
const unavailable = 69;

const obstacle = labObstacle('conntrack');
if (obstacle !== undefined) {
  process.stderr.write(`Error: the benchmark upgrade builds NATs of network namespaces, which it cannot here: ${obstacle}\n  → Run it as root on Linux, with iproute2, nftables and conntrack installed.\n`);
  process.exit(unavailable);
}

/** What a node counted of connections that left their relay: how many, and seconds from when each took the relay. */
async function upgradesOf({ node }: LabNode): Promise<{ count: number; seconds: number }> {
  const { metrics } = await node.control.metrics();
  const samples = new Map(metrics.flatMap((metric) => metric.samples).map(({ name, value }) => [name, value ?? 0]));
  const [count, seconds] = ['count', 'sum'].map((what) => samples.get(`macula_nat_time_to_direct_seconds_${what}`) ?? 0);
  return { count: count!, seconds: seconds! };
}

/** Lets two nodes meet again and again. @returns milliseconds from relayed to direct of those meetings that began on a relay */
async function upgradeRows(lab: PunchLab, from: LabNode, to: LabNode): Promise<Row[]> {
  const times: number[] = [];
  let meetings = 0;
  for (; times.length < upgrades && meetings < mostMeetings; meetings++) {
    const before = await upgradesOf(from);
    const { directMs } = await lab.meet(from, to);
    if (directMs === undefined) throw new Error(`${from.kind} and ${to.kind} stayed on the relay`);
    const after = await upgradesOf(from);
    if (after.count > before.count) times.push((1000 * (after.seconds - before.seconds)) / (after.count - before.count));
  }
  const pair = `${from.kind} with ${to.kind}`;
  const share: Row = { what: `${pair}, meetings that began on a relay`, value: (100 * times.length) / meetings, unit: '%', ratio: `${times.length} of ${meetings}` };
  const row = (what: string, value: number): Row => ({ what: `${pair}, relay to direct, ${what}`, value, unit: 'ms' });
  return times.length === 0 ? [share] : [share, row('p50', percentile(times, 0.5)), row('p90', percentile(times, 0.9)), row('longest', Math.max(...times))];
}

interface Kept {
  readonly what: string;
  readonly read: () => Traffic;
  /** How many of what is counted together. */
  readonly share?: number;
}

/** Counts while nobody does anything. */
async function idle(kept: readonly Kept[]): Promise<Row[]> {
  await pause(settleSeconds * 1000);
  const before = kept.map(({ read }) => read());
  await pause(idleSeconds * 1000);
  return kept.flatMap(({ what, read, share = 1 }, index) => {
    const after = read();
    const perHour = (key: keyof Traffic): number => ((after[key] - before[index]![key]) * 3600) / idleSeconds / share;
    return [{ what: `${what}, datagrams`, value: perHour('datagrams'), unit: '/h' }, { what: `${what}, bytes`, value: perHour('bytes') / 1000, unit: 'kB/h' }];
  });
}

/** Runs something in a lab of its own, which is then removed. */
async function inLab<Result>(run: (lab: PunchLab) => Promise<Result>): Promise<Result> {
  const lab = new PunchLab();
  try {
    return await run(lab);
  } finally {
    await lab.close();
  }
}

async function upgrading(lab: PunchLab): Promise<Row[]> {
  await lab.start();
  const kinds = ['port-restricted', 'port-restricted', 'symmetric-sequential', 'symmetric-random'] as const;
  const [from, ...others] = await lab.nodes(kinds.map((kind, index) => ({ name: `${index} ${kind}`, kind })));
  const rows: Row[] = [];
  for (const to of others) {
    rows.push(...(await upgradeRows(lab, from!, to)));
    await lab.part(from!, to);
  }
  return rows;
}

interface Company {
  readonly node: LabNode;
  /** Between the node and its relays, of their own connections and of sessions they relay, and between it and its peer. */
  readonly own: () => Traffic;
  readonly relayed: () => Traffic;
  readonly toPeer: () => Traffic;
}

/** Two relays and up to two nodes, which meet: nobody else is there to be spoken with. */
async function company(lab: PunchLab, kinds: readonly NatKind[], expected: 'direct' | 'relay'): Promise<Company> {
  await lab.start(2);
  const [node, peer] = await lab.nodes(kinds.map((kind, index) => ({ name: `${index} ${kind}`, kind })));
  if (peer) {
    const { directMs } = await lab.meet(node!, peer);
    if ((directMs === undefined ? 'relay' : 'direct') !== expected) throw new Error(`${kinds.join(' with ')}: another path than ${expected}`);
  }
  const at = new TrafficCounters(node!.host);
  const relays = lab.bootstrap.map((url) => new URL(url).hostname);
  const sum = (kind: 'own' | 'relayed'): (() => Traffic) => {
    const counters = relays.map((relay) => at.count(relay, kind));
    return () => counters.map((read) => read()).reduce((one, other) => ({ datagrams: one.datagrams + other.datagrams, bytes: one.bytes + other.bytes }));
  };
  return { node: node!, own: sum('own'), relayed: sum('relayed'), toPeer: at.count(peer?.host.publicAddress ?? '192.0.2.1', 'own') };
}

/** Resolves once a node has a reservation with both relays; a third one is with the peer. */
async function untilReserved({ node }: LabNode): Promise<void> {
  await becomes(async () => (await node.control.status()).relays.length >= 2, 'reservations with both relays', 60_000);
}

function keeping(): Promise<Row[]> {
  return inLab((first) => inLab((second) => inLab(async (third) => {
    const direct = await company(first, ['port-restricted', 'symmetric-sequential'], 'direct');
    const relayed = await company(second, ['symmetric-random', 'symmetric-random'], 'relay');
    const open = await company(third, ['none'], 'direct');
    await untilReserved(direct.node);
    if ((await open.node.node.control.status()).relays.length > 0) throw new Error('a node without NAT made a reservation');
    return idle([
      { what: 'idle direct connection', read: direct.toPeer },
      { what: 'relays of it, kept in reserve', read: direct.relayed },
      { what: 'idle relayed connection, at one of its ends', read: relayed.relayed },
      { what: 'connection to a relay with a reservation', read: direct.own, share: 2 },
      { what: 'connection to the same node without one', read: open.own, share: 2 },
    ]);
  })));
}

await report('upgrade', [...(await inLab(upgrading)), ...(await keeping())]);
process.exit();

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { MaculaNode } from '../../../src/lib/index.js';
import { dashboardFiles, ruleEntries, ruleFiles } from '../../support/monitoring-files.js';
import { Prometheus, type PrometheusSample } from '../../support/prometheus.js';
import { hasTool } from '../../support/system-tool.js';

/** Expressions that yield nothing while all is well in a mesh without NATs, and why. All others must yield a number. */
const mayBeEmpty: [expr: RegExp, why: string][] = [
  [/macula_nat_time_to_direct_seconds/, 'no connection begins on a relay'],
  [/macula_node_restarts_total/, 'no subsystem fails'],
  [/sum by \(code\) \(macula_node_warning\{.*\) > 0/, 'no warning is given'],
  [/macula_(peers|pool)_dials_failed_total.* > 0/, 'no dial fails'],
  [/macula_transport_dropped_datagrams_total.* > 0/, 'no datagram is dropped'],
];

/** How an alert's expression is asked for what it compares: every comparison yields 0 or 1 and keeps all series. */
const compared = (expr: string): string => expr.replaceAll(/ (==|!=|>=|<=|>|<) /g, ' $1 bool ');
const filled = (expr: string): string => expr.replaceAll('$instance', '.+').replaceAll('$__rate_interval', '1m');
const hasNumber = (samples: readonly PrometheusSample[]): boolean => samples.some(({ value }) => value[1] !== 'NaN');

describe('Prometheus with three real nodes', function () {
  this.timeout(90_000);
  let directory: string;
  let prometheus: Prometheus;
  const nodes: MaculaNode[] = [];
  const over = new AbortController();
  let traffic: Promise<unknown> = Promise.resolve();

  before(async function () {
    if (!hasTool('prometheus')) this.skip();
    directory = await mkdtemp(join(tmpdir(), 'macula-prometheus-'));
    for (const name of ['a', 'b', 'c']) nodes.push(build(name));
    await Promise.all(nodes.map((node) => node.start()));
    const [a, b, c] = nodes as [MaculaNode, MaculaNode, MaculaNode];
    for (const node of [b, c]) await node.peers.startPeer(`https://127.0.0.1:${a.listen[0]!.port}`);
    await a.rpc.register('double', (n: number) => 2 * n);
    await a.rpc.register('fail', () => {
      throw new Error('no');
    });
    const subscription = b.pubsub.subscribe('weather', { qos: 1 }, () => undefined);
    await b.pubsub.ready(subscription);
    traffic = busy(c);
    prometheus = await Prometheus.start(directory, nodes.map((node) => new URL(node.metricsUrl!).host), ruleFiles);
    // A visitor that comes and goes between two scrapes, for handshakes and sessions that end.
    await scrapes(2);
    const visitor = build('visitor');
    await visitor.start();
    await visitor.peers.startPeer(`https://127.0.0.1:${a.listen[0]!.port}`);
    await visitor.stop();
    // Recordings are there one evaluation after the rates they need, and alerts look at recordings.
    await scrapes(6);
  });
  after(async () => {
    over.abort();
    await traffic;
    await prometheus?.stop();
    await Promise.all(nodes.map((node) => node.stop()));
    if (directory) await rm(directory, { recursive: true, force: true });
  });

  const build = (name: string): MaculaNode => new MaculaNode({ dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metricsPort: 0, mdns: false });

  /** Waits until every node was read so often. */
  async function scrapes(count: number): Promise<void> {
    while (!hasNumber(await prometheus.query(`min(count_over_time(macula_build_info[5m])) >= ${count}`))) await sleep(100);
  }

  /** Some of everything, several times a second, until the test is over; whether it succeeds is the business of other tests. */
  async function busy(node: MaculaNode): Promise<void> {
    for (let round = 0; !over.signal.aborted; round++) {
      const work = [
        () => node.dht.put(`key ${round % 10}`, Buffer.from(String(round))),
        () => node.dht.get(`key ${round % 10}`, { fresh: round % 2 === 0 }),
        () => node.rpc.call('double', round),
        () => node.rpc.call('fail'),
        () => node.pubsub.publish('weather', `rain ${round}`, { qos: 1 }),
      ];
      for (const part of work) await part().catch(() => undefined);
      await sleep(100);
    }
  }

  async function emptyOnes(expressions: readonly string[]): Promise<string[]> {
    const empty: string[] = [];
    for (const expr of new Set(expressions)) if (!hasNumber(await prometheus.query(expr))) empty.push(expr);
    return empty;
  }

  for (const { title, panels } of dashboardFiles()) {
    it(`has numbers for every panel of ${title}`, async () => {
      const empty = await emptyOnes(panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => filled(expr))));
      expect(empty.filter((expr) => !mayBeEmpty.some(([allowed]) => allowed.test(expr)))).to.deep.equal([]);
    });
  }

  it('has numbers for every recording rule', async () => {
    expect(await emptyOnes(ruleEntries().flatMap(({ record }) => record ?? []))).to.deep.equal([]);
  });

  it('has numbers for what every alert compares', async () => {
    const empty = await emptyOnes(ruleEntries().flatMap(({ alert, expr }) => (alert === undefined ? [] : [compared(expr)])));
    expect(empty.filter((expr) => !mayBeEmpty.some(([allowed]) => allowed.test(expr)))).to.deep.equal([]);
  });

  it('evaluates every rule without an error, and has nothing to alert of', async () => {
    const rules = await prometheus.rules();
    expect(rules).to.have.lengthOf(ruleEntries().length);
    expect(rules.filter(({ health }) => health !== 'ok')).to.deep.equal([]);
    expect(await prometheus.query('ALERTS{alertstate="firing"}')).to.deep.equal([]);
  });

  it('leaves nothing empty that is never asked for', () => {
    const expressions = [...dashboardFiles().flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => filled(expr)))), ...ruleEntries().map(({ expr }) => compared(expr))];
    for (const [allowed] of mayBeEmpty) expect(expressions.some((expr) => allowed.test(expr)), String(allowed)).to.equal(true);
  });
});

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { metricAreas } from '../../../src/lib/observability/metric-table.js';
import { Metrics } from '../../../src/lib/observability/metrics.js';
import { Telemetry } from '../../../src/lib/observability/telemetry.js';
import { telemetryNames, type TelemetryName } from '../../../src/lib/observability/telemetry-events.js';
import { families, samplesOf } from '../../support/metrics-page.js';
import { allEvents, constantSources } from './metric-fixtures.js';

function metricsOver(value: () => number): { metrics: Metrics; telemetry: Telemetry } {
  const telemetry = new Telemetry({ node: () => undefined });
  return { telemetry, metrics: new Metrics({ sources: constantSources(value), telemetry }, { version: '1.2.3' }) };
}

const specs = metricAreas.flatMap(({ metrics }) => metrics);
const ours = (page: Map<string, number>): [string, number][] => [...page].filter(([name]) => name.startsWith('macula_') && !/^macula_(build|nat)_info/.test(name));

describe('metrics', () => {
  it('name the version and come with those of the process', async () => {
    const found = samplesOf(await metricsOver(() => 0).metrics.render());
    expect(found.get(`macula_build_info{version="1.2.3",node_version="${process.version}"}`)).to.equal(1);
    expect(found.get('process_resident_memory_bytes')).to.be.above(1_000_000);
  });

  it('are there with zero before anything happened, each with its help', async () => {
    const text = await metricsOver(() => 0).metrics.render();
    const found = ours(samplesOf(text));
    expect(found.map(([, value]) => value)).to.deep.equal(found.map(() => 0));
    for (const { name } of specs) expect(families(text).get(name)?.help, name).to.match(/^.+\.$/);
    expect(specs).to.have.lengthOf.at.least(50);
  });

  it('each move with what they count', async () => {
    let value = 0;
    const { metrics, telemetry } = metricsOver(() => value);
    const before = samplesOf(await metrics.render());
    value = 7;
    for (const name of telemetryNames) for (const event of allEvents[name]) telemetry.publish(name, event as never);
    const after = samplesOf(await metrics.render());
    for (const { name } of specs) {
      const changed = [...after].filter(([sample, now]) => new RegExp(`^${name}(_sum|_count)?(\\{|$)`).test(sample) && before.get(sample) !== now);
      expect(changed, name).to.not.be.empty;
    }
  });

  it('have zeros for every label value that events bring', async () => {
    const { metrics, telemetry } = metricsOver(() => 0);
    const before = new Set(samplesOf(await metrics.render()).keys());
    for (const name of telemetryNames) for (const event of allEvents[name]) telemetry.publish(name, event as never);
    const appeared = [...samplesOf(await metrics.render()).keys()].filter((sample) => sample.startsWith('macula_') && !before.has(sample));
    expect(appeared).to.deep.equal([]);
  });

  it('follow the rules of names: area, thing, base unit or total', () => {
    for (const { name, type } of specs) {
      expect(name, name).to.match(/^macula_[a-z0-9]+(_[a-z0-9]+)*$/);
      expect(name.endsWith('_total'), name).to.equal(type === 'counter');
      expect(name, name).not.to.match(/_(ms|milliseconds|minutes|kib|mib|percent)(_|$)/);
    }
  });

  it('never have an id or an address for a label', () => {
    for (const { name, labels = [] } of specs) for (const label of labels) expect(label, name).not.to.match(/node_?id|peer|address|host|topic|procedure|key/);
  });

  it('are all in docs/METRICS.md, and nothing else is', () => {
    const page = readFileSync(new URL('../../../docs/METRICS.md', import.meta.url), 'utf8');
    const documented = new Set([...page.matchAll(/^\| `(macula_[a-z0-9_]+)`/gm)].map(([, name]) => name));
    expect([...documented].sort()).to.deep.equal(['macula_build_info', ...specs.map(({ name }) => name)].sort());
  });

  it('ask each source once for a page', async () => {
    let asked = 0;
    const { metrics } = metricsOver(() => 0);
    const sources = constantSources(() => 0);
    const counted = new Metrics({ sources: { ...sources, dht: () => (asked++, sources.dht()) }, telemetry: new Telemetry({ node: () => undefined }) }, { version: '1' });
    await metrics.render();
    await counted.render();
    expect(asked).to.equal(1);
  });

  it('of distributions count each value once in its bucket and all above, as often as it came', async () => {
    const { metrics, telemetry } = metricsOver(() => 0);
    for (const [messages, latencyMs] of [[3, 5], [1, 5.001], [2, 60_000]] as const) telemetry.publish('pubsub:delivered', { publisher: 'a', topic: 't', messages, latencyMs });
    const found = samplesOf(await metrics.render());
    const bucket = (le: string): number | undefined => found.get(`macula_pubsub_delivery_duration_seconds_bucket{le="${le}"}`);
    expect(['0.0025', '0.005', '0.01', '30', '+Inf'].map(bucket)).to.deep.equal([0, 3, 4, 4, 6]);
    expect(found.get('macula_pubsub_delivery_duration_seconds_count')).to.equal(6);
    expect(found.get('macula_pubsub_delivery_duration_seconds_sum')).to.be.closeTo(120.020001, 1e-6);
  });

  it('show the same when read twice', async () => {
    const { metrics } = metricsOver(() => 5);
    await metrics.render();
    expect(samplesOf(await metrics.render()).get('macula_transport_retries_sent_total')).to.equal(5);
  });

  it('of two nodes in one process are apart', async () => {
    const [a, b] = [metricsOver(() => 7), metricsOver(() => 0)];
    a.telemetry.publish('pool:excluded', { nodeId: 'x', forMs: 1 });
    const [ofA, ofB] = [samplesOf(await a.metrics.render()), samplesOf(await b.metrics.render())];
    expect([ofA.get('macula_sessions_open{path="direct"}'), ofA.get('macula_pool_exclusions_total')]).to.deep.equal([7, 1]);
    expect([ofB.get('macula_sessions_open{path="direct"}'), ofB.get('macula_pool_exclusions_total')]).to.deep.equal([0, 0]);
  });

  it('have an example of every event', () => {
    const missing = telemetryNames.filter((name: TelemetryName) => allEvents[name].length === 0);
    expect(missing).to.deep.equal([]);
  });
});

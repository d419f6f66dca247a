import { expect } from 'chai';
import { MetricSet, perSecond, quantilesMs } from '../../../../src/cli/top/metric-set.js';
import { TopHistory } from '../../../../src/cli/top/top-view.js';
import { status } from '../../../integration/control/fixture.js';
import { metrics, peer, snapshot } from './top-fixtures.js';

const bytes = 'macula_transport_path_bytes_total';

describe('numbers from metrics', () => {
  it('adds up the samples that have the labels, and tells none from zero', () => {
    const set = new MetricSet(metrics({ [`${bytes}{direction="sent",path="direct"}`]: 3, [`${bytes}{direction="sent",path="relay"}`]: 4, [`${bytes}{direction="received",path="relay"}`]: 5 }));
    expect([set.sum(bytes), set.sum(bytes, { direction: 'sent' }), set.sum(bytes, { path: 'relay' }), set.sum(bytes, { path: 'none' }), set.sum('other')]).to.deep.equal([12, 7, 9, null, null]);
  });

  it('takes a counter that fell for one that began anew', () => {
    expect([perSecond(10, 30, 2), perSecond(30, 10, 2), perSecond(undefined, 10, 2), perSecond(10, null, 2), perSecond(10, 30, 0)]).to.deep.equal([10, 5, null, null, null]);
  });

  const histogram = (...counts: number[]) => new MetricSet(metrics(Object.fromEntries(counts.map((count, index) => [`t_seconds_bucket{le="${['0.1', '0.2', '+Inf'][index]}"}`, count]))));
  const table: [what: string, before: number[], after: number[], expected: (number | null)[]][] = [
    ['interpolates within a bucket, of what came meanwhile', [100, 100, 100], [110, 110, 110], [50, 100]],
    ['finds the bucket', [0, 0, 0], [5, 10, 10], [100, 200]],
    ['says no more than the last bound of what lies beyond', [0, 0, 0], [0, 0, 10], [200, 200]],
    ['has nothing to say where nothing came', [5, 5, 5], [5, 5, 5], [null, null]],
  ];
  for (const [what, before, after, expected] of table) {
    it(`a quantile ${what}`, () => expect(quantilesMs('t_seconds', histogram(...before), histogram(...after), [0.5, 1])).to.deep.equal(expected));
  }

  it('a quantile takes two looks', () => expect(quantilesMs('t_seconds', undefined, histogram(1, 1, 1), [0.5])).to.deep.equal([null]));
});

describe('what top makes of snapshots', () => {
  const traffic = (direct: number, relay: number): Record<string, number> => ({ [`${bytes}{direction="sent",path="direct"}`]: direct, [`${bytes}{direction="received",path="relay"}`]: relay });

  it('has rates and shares from the second one on', () => {
    const history = new TopHistory();
    const first = history.add(snapshot(0, { metrics: metrics({ ...traffic(1000, 1000), 'macula_rpc_calls_total{outcome="failed"}': 1 }), peers: [peer('a', { bytesSent: 10 })] }));
    expect(first.traffic).to.deep.equal({ sentPerSecond: null, receivedPerSecond: null, directShare: 0.5, history: [] });
    expect([first.rpc.failedPerSecond, first.rows[0]!.sentPerSecond]).to.deep.equal([null, null]);

    const second = history.add(snapshot(2000, { metrics: metrics({ ...traffic(4000, 2000), 'macula_rpc_calls_total{outcome="failed"}': 5 }), peers: [peer('a', { bytesSent: 50, rttMs: 3 }), peer('b')] }));
    expect(second.traffic).to.deep.equal({ sentPerSecond: 1500, receivedPerSecond: 500, directShare: 0.75, history: [2000] });
    expect(second.rpc.failedPerSecond).to.equal(2);
    expect(second.rows.map(({ sentPerSecond, rttsMs }) => [sentPerSecond, rttsMs])).to.deep.equal([[20, [1, 3]], [null, [1]]]);
  });

  it('compares nothing across a restart of the node', () => {
    const history = new TopHistory();
    history.add(snapshot(0, { metrics: metrics(traffic(1000, 1000)), peers: [peer('a', { bytesSent: 10 })] }));
    const view = history.add(snapshot(1000, { status: { ...status, pid: status.pid + 1 }, metrics: metrics(traffic(2000, 2000)), peers: [peer('a', { bytesSent: 20 })] }));
    expect([view.traffic.sentPerSecond, view.rows[0]!.sentPerSecond]).to.deep.equal([null, null]);
  });

  it('keeps a bounded history, of peers that are there only', () => {
    const history = new TopHistory();
    for (let second = 0; second < 200; second++) history.add(snapshot(second * 1000, { metrics: metrics(traffic(second, 0)), peers: [peer('a')] }));
    history.add(snapshot(200_000, { metrics: metrics(traffic(200, 0)) }));
    const view = history.add(snapshot(201_000, { metrics: metrics(traffic(201, 0)), peers: [peer('a')] }));
    expect(view.traffic.history).to.have.length(60);
    expect(view.rows[0]!.rttsMs).to.deep.equal([1]);
  });

  it('shows the pool connection of a peer with it', () => {
    const connection = { nodeId: 'a'.padEnd(64, '0'), state: 'in-use', path: 'direct', idleSeconds: 0, inFlight: 3, health: { status: 'good', consecutiveFailures: 0, lastSuccessSecondsAgo: 0, rttMs: 1 } } as const;
    const view = new TopHistory().add(snapshot(0, { peers: [peer('a'), peer('b')], pool: { ...snapshot(0).pool, connections: [connection] } }));
    expect(view.rows.map((row) => row.connection?.inFlight)).to.deep.equal([3, undefined]);
  });
});

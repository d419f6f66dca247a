import { expect } from 'chai';
import { Metrics, type DhtCounts, type MetricSources, type PoolCounts, type TransportCounts } from '../../../src/lib/observability/metrics.js';

const zero: TransportCounts = {
  connections: 0,
  halfOpen: 0,
  handshakesCompleted: 0,
  handshakesFailed: { certificate: 0 },
  retriesSent: 0,
  datagramsReceived: 0,
  datagramsSent: 0,
  bytesReceived: 0,
  bytesSent: 0,
  dropped: { malformed: 0 },
};

interface Readings {
  transport: TransportCounts;
  sessions: { open: number; refused: Record<string, number> };
  peers: { connected: number; connecting: number; waiting: number; refused: number };
  pool: PoolCounts;
  dht: DhtCounts;
}

function metricsOver(readings: Readings): Metrics {
  const sources: MetricSources = { transport: () => readings.transport, sessions: () => readings.sessions, peers: () => readings.peers, pool: () => readings.pool, dht: () => readings.dht };
  return new Metrics({ sources }, { version: '1.2.3' });
}

/** The samples of a Prometheus text: name with labels → value. Fails on any line that is neither sample nor comment. */
function samples(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || /^# (HELP|TYPE) [a-z_:][a-z0-9_:]* .+$/.test(line)) continue;
    const match = /^([a-z_:][a-z0-9_:]*(?:\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})?) (-?[0-9.e+-]+|NaN|\+Inf)$/i.exec(line);
    expect(match, line).not.to.equal(null);
    expect(found.has(match![1]!), line).to.equal(false);
    found.set(match![1]!, Number(match![2]));
  }
  return found;
}

describe('metrics', () => {
  const readings = (): Readings => ({ transport: zero, sessions: { open: 0, refused: { MACULA_REALM_MISMATCH: 0 } }, peers: { connected: 0, connecting: 0, waiting: 0, refused: 0 }, pool: { size: 0, hits: 0, misses: 0, dials: 0, evictions: { lru: 0 } }, dht: { nodes: 0, records: 0, recordBytes: 0, cachedResults: 0 } });

  it('name the version and come with those of the process', async () => {
    const found = samples(await metricsOver(readings()).render());
    expect(found.get(`macula_build_info{version="1.2.3",node_version="${process.version}"}`)).to.equal(1);
    expect(found.get('process_resident_memory_bytes')).to.be.above(1_000_000);
  });

  it('are there with zero before anything happened, each documented', async () => {
    const text = await metricsOver(readings()).render();
    const ours = [...samples(text)].filter(([name]) => name.startsWith('macula_') && !name.startsWith('macula_build_info'));
    expect(ours.map(([, value]) => value)).to.deep.equal(ours.map(() => 0));
    expect(ours).to.have.lengthOf(25);
    for (const [name] of ours) expect(text).to.match(new RegExp(`# HELP ${name.split('{')[0]} .+\\.`));
  });

  it('each move with what they count', async () => {
    const now = readings();
    const metrics = metricsOver(now);
    await metrics.render();
    now.transport = {
      connections: 1, halfOpen: 2, handshakesCompleted: 3, handshakesFailed: { certificate: 4 }, retriesSent: 5,
      datagramsReceived: 6, datagramsSent: 7, bytesReceived: 8, bytesSent: 9, dropped: { malformed: 10 },
    };
    now.sessions = { open: 11, refused: { MACULA_REALM_MISMATCH: 12 } };
    now.peers = { connected: 13, connecting: 14, waiting: 15, refused: 16 };
    now.pool = { size: 17, hits: 18, misses: 19, dials: 20, evictions: { lru: 21 } };
    now.dht = { nodes: 22, records: 23, recordBytes: 24, cachedResults: 25 };
    const found = samples(await metrics.render());
    const ours = Object.fromEntries([...found].filter(([name]) => name.startsWith('macula_') && !name.startsWith('macula_build_info')));
    expect(ours).to.deep.equal({
      macula_transport_connections: 1,
      macula_transport_half_open_handshakes: 2,
      'macula_transport_handshakes_total{outcome="completed"}': 3,
      'macula_transport_handshakes_total{outcome="certificate"}': 4,
      macula_transport_retries_sent_total: 5,
      'macula_transport_datagrams_total{direction="received"}': 6,
      'macula_transport_datagrams_total{direction="sent"}': 7,
      'macula_transport_bytes_total{direction="received"}': 8,
      'macula_transport_bytes_total{direction="sent"}': 9,
      'macula_transport_dropped_datagrams_total{reason="malformed"}': 10,
      macula_sessions: 11,
      'macula_sessions_refused_total{reason="MACULA_REALM_MISMATCH"}': 12,
      'macula_peers{state="connected"}': 13,
      'macula_peers{state="connecting"}': 14,
      'macula_peers{state="waiting"}': 15,
      'macula_peers{state="refused"}': 16,
      macula_pool_connections: 17,
      'macula_pool_lookups_total{result="hit"}': 18,
      'macula_pool_lookups_total{result="miss"}': 19,
      macula_pool_dials_total: 20,
      'macula_pool_evictions_total{reason="lru"}': 21,
      macula_dht_nodes: 22,
      macula_dht_records: 23,
      macula_dht_record_bytes: 24,
      macula_dht_cached_results: 25,
    });
  });

  it('show the same when read twice', async () => {
    const now = readings();
    now.transport = { ...zero, retriesSent: 5 };
    const metrics = metricsOver(now);
    await metrics.render();
    expect(samples(await metrics.render()).get('macula_transport_retries_sent_total')).to.equal(5);
  });

  it('of two nodes in one process are apart', async () => {
    const busy = readings();
    busy.sessions = { open: 7, refused: {} };
    const [a, b] = [metricsOver(busy), metricsOver(readings())];
    expect(samples(await a.render()).get('macula_sessions')).to.equal(7);
    expect(samples(await b.render()).get('macula_sessions')).to.equal(0);
  });
});

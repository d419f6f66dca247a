import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

/** Counts by reason, all since start. */
export type CountsByReason = Readonly<Record<string, number>>;

/** What the QUIC endpoint counts. */
export interface TransportCounts {
  readonly connections: number;
  readonly halfOpen: number;
  readonly handshakesCompleted: number;
  readonly handshakesFailed: CountsByReason;
  readonly retriesSent: number;
  readonly datagramsReceived: number;
  readonly datagramsSent: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly dropped: CountsByReason;
}

/** What the connection pool counts; all but `size` since start. */
export interface PoolCounts {
  readonly size: number;
  readonly hits: number;
  readonly misses: number;
  readonly dials: number;
  readonly evictions: CountsByReason;
}

/** What the DHT holds now. */
export interface DhtCounts {
  readonly nodes: number;
  readonly records: number;
  readonly recordBytes: number;
  readonly cachedResults: number;
}

/** Asked for its numbers each time metrics are read. */
export interface MetricSources {
  transport(): TransportCounts;
  /** Admitted peers now, and connections that were not admitted by reason. */
  sessions(): { readonly open: number; readonly refused: CountsByReason };
  /** Supervised peers by state. */
  peers(): Readonly<Record<'connected' | 'connecting' | 'waiting' | 'refused', number>>;
  pool(): PoolCounts;
  dht(): DhtCounts;
}

/** Sets a counter that something else keeps; a smaller value than before reads as a restart, as it should. */
function setCounter<Label extends string>(counter: Counter<Label>, rows: readonly (readonly [Partial<Record<Label, string>>, number])[]): void {
  counter.reset();
  for (const [labels, value] of rows) counter.inc(labels as Record<Label, string>, value);
}

function byReason(counts: CountsByReason): (readonly [{ reason: string }, number])[] {
  return Object.entries(counts).map(([reason, count]) => [{ reason }, count] as const);
}

function registerTransport(register: Registry, read: () => TransportCounts): void {
  const registers = [register];
  new Gauge({
    name: 'macula_transport_connections',
    help: 'QUIC connections established now.',
    registers,
    collect() {
      this.set(read().connections);
    },
  });
  new Gauge({
    name: 'macula_transport_half_open_handshakes',
    help: 'QUIC handshakes under way now.',
    registers,
    collect() {
      this.set(read().halfOpen);
    },
  });
  new Counter({
    name: 'macula_transport_handshakes_total',
    help: 'QUIC handshakes finished, by outcome: completed, or why they failed.',
    labelNames: ['outcome'],
    registers,
    collect() {
      const { handshakesCompleted, handshakesFailed } = read();
      const failed = Object.entries(handshakesFailed).map(([outcome, count]) => [{ outcome }, count] as const);
      setCounter(this, [[{ outcome: 'completed' }, handshakesCompleted], ...failed]);
    },
  });
  new Counter({
    name: 'macula_transport_retries_sent_total',
    help: 'Retry packets sent to demand a token.',
    registers,
    collect() {
      setCounter(this, [[{}, read().retriesSent]]);
    },
  });
  registerTraffic(register, read);
}

function registerTraffic(register: Registry, read: () => TransportCounts): void {
  const registers = [register];
  new Counter({
    name: 'macula_transport_datagrams_total',
    help: 'UDP datagrams by direction.',
    labelNames: ['direction'],
    registers,
    collect() {
      const counts = read();
      setCounter(this, [[{ direction: 'received' }, counts.datagramsReceived], [{ direction: 'sent' }, counts.datagramsSent]]);
    },
  });
  new Counter({
    name: 'macula_transport_bytes_total',
    help: 'UDP payload bytes by direction.',
    labelNames: ['direction'],
    registers,
    collect() {
      const counts = read();
      setCounter(this, [[{ direction: 'received' }, counts.bytesReceived], [{ direction: 'sent' }, counts.bytesSent]]);
    },
  });
  new Counter({
    name: 'macula_transport_dropped_datagrams_total',
    help: 'Datagrams received and dropped, by reason.',
    labelNames: ['reason'],
    registers,
    collect() {
      setCounter(this, byReason(read().dropped));
    },
  });
}

function registerMesh(register: Registry, sources: MetricSources): void {
  const registers = [register];
  new Gauge({
    name: 'macula_sessions',
    help: 'Peers admitted and connected now.',
    registers,
    collect() {
      this.set(sources.sessions().open);
    },
  });
  new Counter({
    name: 'macula_sessions_refused_total',
    help: 'Connections that were not admitted, by reason.',
    labelNames: ['reason'],
    registers,
    collect() {
      setCounter(this, byReason(sources.sessions().refused));
    },
  });
  new Gauge({
    name: 'macula_peers',
    help: 'Supervised peers by state.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(sources.peers())) this.set({ state }, count);
    },
  });
}

/** A page of metrics as a scraper reads it. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}

function registerPool(register: Registry, read: () => PoolCounts): void {
  const registers = [register];
  new Gauge({
    name: 'macula_pool_connections',
    help: 'Connections in the pool now, those being dialled included.',
    registers,
    collect() {
      this.set(read().size);
    },
  });
  new Counter({
    name: 'macula_pool_lookups_total',
    help: 'Times a connection was asked for, by result: hit where none had to be dialled, otherwise miss.',
    labelNames: ['result'],
    registers,
    collect() {
      const { hits, misses } = read();
      setCounter(this, [[{ result: 'hit' }, hits], [{ result: 'miss' }, misses]]);
    },
  });
  new Counter({
    name: 'macula_pool_dials_total',
    help: 'Dials of the pool.',
    registers,
    collect() {
      setCounter(this, [[{}, read().dials]]);
    },
  });
  new Counter({
    name: 'macula_pool_evictions_total',
    help: 'Connections the pool let go of, by reason.',
    labelNames: ['reason'],
    registers,
    collect() {
      setCounter(this, byReason(read().evictions));
    },
  });
}

function registerDht(register: Registry, read: () => DhtCounts): void {
  const gauges: [string, string, keyof DhtCounts][] = [
    ['macula_dht_nodes', 'Nodes in the routing table now.', 'nodes'],
    ['macula_dht_records', 'Records held for others and for itself now.', 'records'],
    ['macula_dht_record_bytes', 'Bytes the records held take now, as the limit counts them.', 'recordBytes'],
    ['macula_dht_cached_results', 'Results of reads in the cache now.', 'cachedResults'],
  ];
  for (const [name, help, field] of gauges) {
    new Gauge({
      name,
      help,
      registers: [register],
      collect() {
        this.set(read()[field]);
      },
    });
  }
}

/** The metrics of one node, read from their sources each time they are asked for. */
export class Metrics implements MetricsPage {
  readonly #registry = new Registry();
  readonly contentType: string = this.#registry.contentType;

  /** @param settings.version version of Macula, a label of `macula_build_info` */
  constructor(components: { sources: MetricSources }, settings: { version: string }) {
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({
      name: 'macula_build_info',
      help: 'Always 1; versions are in the labels.',
      labelNames: ['version', 'node_version'],
      registers: [this.#registry],
    }).set({ version: settings.version, node_version: process.version }, 1);
    registerTransport(this.#registry, () => components.sources.transport());
    registerMesh(this.#registry, components.sources);
    registerPool(this.#registry, () => components.sources.pool());
    registerDht(this.#registry, () => components.sources.dht());
  }

  /** All metrics in the Prometheus text format. */
  render(): Promise<string> {
    return this.#registry.metrics();
  }
}

import type { TelemetryEvents, TelemetryName } from './telemetry-events.js';

/** Values of the labels of one sample. */
export type Labels = Readonly<Record<string, string>>;

/** One sample of a metric that has labels; `times`: how often a histogram's value came, once where absent. */
export type Sample = readonly [labels: Labels, value: number, times?: number];

interface Described {
  /** `macula_<area>_<thing>_<unit|total>`, in base units. */
  readonly name: string;
  /** One sentence for operators. */
  readonly help: string;
  /** Label names. Their values come from fixed sets, never from peers; a node id or an address is none. */
  readonly labels?: readonly string[];
}

/** A number that some part of the node keeps, read each time metrics are asked for. */
export interface ReadMetric<Counts> extends Described {
  readonly type: 'gauge' | 'counter';
  /** The number, or one for each set of label values. */
  readonly read: (counts: Counts) => number | readonly Sample[];
}

/** A count or a distribution that is fed by one event of telemetry. */
export interface FedMetric<Name extends TelemetryName = TelemetryName> extends Described {
  readonly type: 'counter' | 'histogram';
  readonly event: Name;
  /** What the event adds: 1 or an observed value under these labels; undefined for nothing. */
  readonly take: (event: TelemetryEvents[Name]) => Sample | undefined;
  /** Label values that are there with zero before the first event. */
  readonly zeros?: readonly Labels[];
  /** Upper bounds; of histograms only. */
  readonly buckets?: readonly number[];
}

/** What the tables of all areas are made of. */
export type MetricSpec<Sources> = (ReadMetric<Sources> & { readonly event?: undefined }) | FedMetric;

/** Ties metrics to the part of the sources they are read from. */
export function readFrom<Sources, Area extends keyof Sources>(
  area: Area,
  metrics: readonly ReadMetric<Sources[Area] extends () => infer Counts ? Counts : never>[],
): MetricSpec<Sources>[] {
  return metrics.map((metric) => ({ ...metric, read: (sources) => metric.read((sources[area] as () => never)()) }));
}

/** A metric fed by an event, its types checked against that event. */
export function fedBy<Name extends TelemetryName>(event: Name, metric: Omit<FedMetric<Name>, 'event'>): FedMetric {
  return { ...metric, event } as unknown as FedMetric;
}

/** Samples of counts by the values of one label. */
export function by(label: string, counts: Readonly<Record<string, number | undefined>>): Sample[] {
  return Object.entries(counts).map(([value, count]) => [{ [label]: value }, count ?? 0]);
}

/** Every combination of label values, for zeros that are exported in advance. */
export function combinations(values: Readonly<Record<string, readonly string[]>>): Labels[] {
  let found: Labels[] = [{}];
  for (const [label, options] of Object.entries(values)) found = found.flatMap((labels) => options.map((option) => ({ ...labels, [label]: option })));
  return found;
}

/** Seconds, from a call on loopback to the longest deadline anybody waits for. */
export const latencyBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

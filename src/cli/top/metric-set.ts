import type { MetricSample, MetricsResult } from '../../lib/control/protocol-metrics.js';

type Labels = Readonly<Record<string, string>>;

/** The metrics of one moment, looked up by name. */
export class MetricSet {
  readonly #samples = new Map<string, MetricSample[]>();

  constructor({ metrics }: MetricsResult) {
    for (const metric of metrics) {
      for (const sample of metric.samples) {
        const others = this.#samples.get(sample.name);
        if (others) others.push(sample);
        else this.#samples.set(sample.name, [sample]);
      }
    }
  }

  /** Sum of the samples of that name that have these labels; null where the node has none. */
  sum(name: string, labels: Labels = {}): number | null {
    const found = this.#matching(name, labels);
    return found.length === 0 ? null : found.reduce((sum, { value }) => sum + (value ?? 0), 0);
  }

  /** Counts of a histogram up to each bound, bounds ascending; samples that differ in other labels are added up. */
  buckets(name: string, labels: Labels = {}): { readonly bound: number; readonly count: number }[] {
    const counts = new Map<number, number>();
    for (const { labels: own, value } of this.#matching(`${name}_bucket`, labels)) {
      const bound = own['le'] === '+Inf' ? Infinity : Number(own['le']);
      counts.set(bound, (counts.get(bound) ?? 0) + (value ?? 0));
    }
    return [...counts].map(([bound, count]) => ({ bound, count })).sort((a, b) => a.bound - b.bound);
  }

  #matching(name: string, labels: Labels): MetricSample[] {
    const wanted = Object.entries(labels);
    return (this.#samples.get(name) ?? []).filter((sample) => wanted.every(([label, value]) => sample.labels[label] === value));
  }
}

/** How much a counter grew, per second; one that is smaller than before began anew. null where either end is not known. */
export function perSecond(before: number | null | undefined, after: number | null, seconds: number): number | null {
  if (before === null || before === undefined || after === null || seconds <= 0) return null;
  return (after >= before ? after - before : after) / seconds;
}

/**
 * The times within which shares of the observations between two moments were, milliseconds, interpolated within a bucket as
 * Prometheus does; null where there were none.
 */
export function quantilesMs(name: string, before: MetricSet | undefined, after: MetricSet, shares: readonly number[], labels?: Labels): (number | null)[] {
  const earlier = new Map(before?.buckets(name, labels).map(({ bound, count }) => [bound, count]));
  const buckets = after.buckets(name, labels);
  const grown = buckets.map(({ bound, count }) => ({ bound, count: Math.max(0, count - (earlier.get(bound) ?? 0)) }));
  const total = grown.at(-1)?.count ?? 0;
  if (!before || total === 0) return shares.map(() => null);
  return shares.map((share) => 1000 * quantile(grown, share * total));
}

function quantile(buckets: readonly { readonly bound: number; readonly count: number }[], rank: number): number {
  const index = buckets.findIndex(({ count }) => count >= rank);
  const { bound, count } = buckets[index]!;
  const below = index === 0 ? { bound: 0, count: 0 } : buckets[index - 1]!;
  // Nothing is known of how far beyond the last bound they lie.
  if (bound === Infinity) return below.bound;
  const share = count === below.count ? 1 : (rank - below.count) / (count - below.count);
  return below.bound + share * (bound - below.bound);
}

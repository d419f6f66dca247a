import { collectDefaultMetrics, Counter, Gauge, Registry, type Metric } from 'prom-client';
import { FedCounter, FedHistogram } from './fed-metric.js';
import type { FedMetric, Labels, MetricSpec, ReadMetric, Sample } from './metric.js';
import type { MetricSources } from './metric-sources.js';
import { buildInfo, metricAreas } from './metric-table.js';
import type { Telemetry } from './telemetry.js';

/** A page of metrics as a scraper reads it. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}

/** Gauges of prom-client that are named like counters, which checkers of metrics object to. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** What one metric says at the moment. */
export interface MetricReading {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly help: string;
  /** Names are those of the text format: a histogram has `_bucket`, `_sum` and `_count`. */
  readonly samples: readonly { readonly name: string; readonly labels: Labels; readonly value: number }[];
}

/** The metrics of one node: read from their sources each time they are asked for, or fed by its telemetry. */
export class Metrics implements MetricsPage {
  readonly #registry = new Registry();
  readonly contentType: string = this.#registry.contentType;
  readonly #sources: MetricSources;
  /** What sources said for the page being rendered, so that each is asked once a page. */
  #readings = new Map<keyof MetricSources, unknown>();

  /** @param settings.version version of Macula, a label of `macula_build_info` */
  constructor(components: { sources: MetricSources; telemetry: Telemetry }, settings: { version: string }) {
    this.#sources = this.#onceAPage(components.sources);
    collectDefaultMetrics({ register: this.#registry });
    for (const name of misnamed) this.#registry.removeSingleMetric(name);
    new Gauge({ name: buildInfo.name, help: buildInfo.help, labelNames: [...buildInfo.labels], registers: [this.#registry] }).set({ version: settings.version, node_version: process.version }, 1);
    for (const { metrics } of metricAreas) for (const metric of metrics) this.#register(metric, components.telemetry);
  }

  /** All metrics in the Prometheus text format. */
  render(): Promise<string> {
    this.#readings = new Map();
    return this.#registry.metrics();
  }

  /** All metrics with what they say now. */
  async read(): Promise<MetricReading[]> {
    this.#readings = new Map();
    const found = (await this.#registry.getMetricsAsJSON()) as unknown as FoundMetric[];
    return found.map(({ name, type, help, values }) => ({
      name,
      type,
      help,
      samples: values.map(({ metricName = name, labels, value }) => ({ name: metricName, labels: textLabels(labels), value })),
    }));
  }

  #onceAPage(sources: MetricSources): MetricSources {
    const areas = Object.keys(sources) as (keyof MetricSources)[];
    const read = (area: keyof MetricSources): unknown => {
      if (!this.#readings.has(area)) this.#readings.set(area, sources[area]());
      return this.#readings.get(area);
    };
    return Object.fromEntries(areas.map((area) => [area, () => read(area)])) as unknown as MetricSources;
  }

  #register(metric: MetricSpec<MetricSources>, telemetry: Telemetry): void {
    if (metric.event === undefined) this.#registerRead(metric);
    else this.#registerFed(metric, telemetry);
  }

  #registerRead({ name, help, labels = [], type, read }: ReadMetric<MetricSources>): void {
    const sources = this.#sources;
    const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
    const samples = (): readonly Sample[] => {
      const found = read(sources);
      return typeof found === 'number' ? [[{}, found]] : found;
    };
    if (type === 'gauge') {
      new Gauge({
        ...options,
        collect() {
          this.reset();
          for (const [labelled, value] of samples()) this.set(labelled, value);
        },
      });
      return;
    }
    new Counter({
      ...options,
      collect() {
        // Something else keeps the count; a smaller one than before reads as a restart, as it should.
        this.reset();
        for (const [labelled, value] of samples()) this.inc(labelled, value);
      },
    });
  }

  #registerFed({ name, help, labels = [], type, event, take, zeros = [], buckets = [] }: FedMetric, telemetry: Telemetry): void {
    const settings = { name, help, labels, zeros };
    const metric = type === 'histogram' ? new FedHistogram(settings, buckets) : new FedCounter(settings);
    // The registry needs a name and what get() gives of any metric.
    this.#registry.registerMetric(metric as unknown as Metric);
    telemetry.on(event, (told) => {
      const sample = take(told);
      if (sample) metric.add(sample);
    });
  }
}

/** A metric as prom-client hands it out. */
interface FoundMetric {
  readonly name: string;
  readonly type: MetricReading['type'];
  readonly help: string;
  readonly values: readonly { readonly value: number; readonly labels: Readonly<Record<string, string | number>>; readonly metricName?: string }[];
}

/** Bounds of buckets are numbers there. */
function textLabels(labels: Readonly<Record<string, string | number>>): Labels {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}

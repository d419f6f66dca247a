import { z } from 'zod';

/** The answer of the control socket about metrics; the rules are those of protocol.ts. */

const metricSample = z.object({
  name: z.string().describe('Name of the metric; of a histogram with _bucket, _sum or _count behind it'),
  labels: z.record(z.string(), z.string()),
  value: z.number().nullable().describe('null where the number is not a finite one'),
});
export type MetricSample = z.infer<typeof metricSample>;

export const metricsResult = z.object({
  metrics: z.array(
    z.object({
      name: z.string().describe('As in docs/METRICS.md'),
      type: z.enum(['counter', 'gauge', 'histogram', 'summary']),
      help: z.string(),
      samples: z.array(metricSample),
    }),
  ),
});
export type MetricsResult = z.infer<typeof metricsResult>;

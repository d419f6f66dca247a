import { z } from 'zod';
import { count, milliseconds, nodeId, path } from './protocol-fields.js';

/** Requests and responses of the control socket about load on a peer; the rules are those of protocol.ts. */

export const benchKinds = ['rpc', 'pubsub', 'bulk'] as const;
export type BenchKind = (typeof benchKinds)[number];

/** Longest run; peers end what they do for it soon after. */
export const longestBenchMs = 10 * 60_000;

export const benchRequest = z.object({
  node: z.string().regex(/^[0-9a-fA-F]{8,64}$/).describe('The peer: its id, or the first characters of it, at least 8'),
  kind: z.enum(benchKinds).default('rpc').describe('rpc: calls of macula.echo; pubsub: messages the peer acknowledges; bulk: transfers to the peer'),
  durationMs: z.number().int().min(100).max(longestBenchMs).default(10_000),
  concurrency: z.number().int().min(1).max(1000).default(16).describe('Operations under way at once'),
  sizeBytes: z.number().int().min(0).max(1024 ** 3).default(64).describe('Payload of one operation; at most 1000000 but for bulk'),
  operationTimeoutMs: z.number().int().min(1).max(longestBenchMs).default(10_000).describe('How long one operation may take'),
});
export type BenchRequest = z.input<typeof benchRequest>;
export type BenchInput = z.output<typeof benchRequest>;

const way = z.object({ path, via: z.string().describe('Address, or the relay') });

export const benchSummary = z.object({
  elapsedMs: milliseconds,
  operations: count.describe('Those that succeeded'),
  bytes: count.describe('Payload they carried; of rpc each way'),
  errors: z.record(z.string(), count).describe('Failed operations by error code'),
  ratePerSecond: z.number().nonnegative(),
  bytesPerSecond: z.number().nonnegative(),
  latencyMs: z
    .object({ mean: milliseconds, p50: milliseconds, p90: milliseconds, p99: milliseconds, p999: milliseconds, max: milliseconds })
    .nullable()
    .describe('Of the operations that succeeded; null before the first'),
});
export type BenchSummary = z.infer<typeof benchSummary>;

export const benchEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('started'), nodeId, ...way.shape }).describe('The peer has answered'),
  benchSummary.extend({ event: z.literal('progress') }).describe('What it came to so far'),
  benchSummary.extend({ event: z.literal('finished'), ...way.shape, pathChanged: z.boolean().describe('Whether the way was another at the beginning') }),
]);
export type BenchEvent = z.infer<typeof benchEvent>;

import type { BenchKind, BenchSummary } from '../lib/control/protocol-bench.js';
import { columns, humanBytes, humanMs, printable, shortId } from './text.js';

/** What operations of a kind are called. */
const nouns: Record<BenchKind, string> = { rpc: 'calls', pubsub: 'messages', bulk: 'transfers' };

export interface BenchParameters {
  readonly kind: BenchKind;
  readonly durationMs: number;
  readonly concurrency: number;
  readonly sizeBytes: number;
}

export interface BenchWay {
  readonly path: 'direct' | 'relay';
  readonly via: string;
}

/** `1234567` → `1,234,567` */
function grouped(count: number): string {
  return Math.round(count).toString().replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A rate with as many digits as mean anything. */
function rate(perSecond: number): string {
  return perSecond < 100 ? perSecond.toFixed(1) : grouped(perSecond);
}

export function wayText({ path, via }: BenchWay): string {
  return path === 'relay' ? `through relay ${shortId(via)}` : `direct to ${printable(via)}`;
}

/** What is about to be measured. */
export function benchParametersText(nodeId: string, way: BenchWay, { kind, durationMs, concurrency, sizeBytes }: BenchParameters): string {
  return `${nouns[kind]} to ${shortId(nodeId)}, ${wayText(way)}: ${concurrency} at once, ${humanBytes(sizeBytes)} each, for ${(durationMs / 1000).toFixed(durationMs % 1000 === 0 ? 0 : 1)} s`;
}

/** One line that is written over and over. */
export function benchProgressText(kind: BenchKind, { elapsedMs, operations, ratePerSecond, latencyMs, errors }: BenchSummary): string {
  const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
  const times = latencyMs === null ? '' : `, p50 ${humanMs(latencyMs.p50)}, p99 ${humanMs(latencyMs.p99)}`;
  return `${(elapsedMs / 1000).toFixed(1)} s: ${grouped(operations)} ${nouns[kind]}, ${rate(ratePerSecond)}/s${times}${failed === 0 ? '' : `, ${grouped(failed)} failed`}`;
}

/** What it came to. */
export function benchResultText(kind: BenchKind, { elapsedMs, operations, ratePerSecond, bytesPerSecond, latencyMs, errors }: BenchSummary): string {
  const eachWay = kind === 'rpc' ? ' each way' : '';
  const lines = [`${grouped(operations)} ${nouns[kind]} in ${(elapsedMs / 1000).toFixed(2)} s: ${rate(ratePerSecond)} a second, ${humanBytes(Math.round(bytesPerSecond))}/s${eachWay}`];
  if (latencyMs !== null) {
    const { mean, p50, p90, p99, p999, max } = latencyMs;
    lines.push('', columns([['MEAN', 'P50', 'P90', 'P99', 'P99.9', 'MAX'], [mean, p50, p90, p99, p999, max].map(humanMs)]));
  }
  const failures = Object.entries(errors).sort(([, a], [, b]) => b - a);
  if (failures.length > 0) lines.push('', columns([['FAILED', 'WITH'], ...failures.map(([code, count]) => [grouped(count), code])]));
  return lines.join('\n');
}

import type { Peer } from '../../../../src/lib/control/protocol.js';
import type { MetricsResult } from '../../../../src/lib/control/protocol-metrics.js';
import type { Snapshot } from '../../../../src/cli/top/top-view.js';
import { status } from '../../../integration/control/fixture.js';

/** A peer whose id begins with the given characters. */
export function peer(id: string, over: Partial<Peer> = {}): Peer {
  return {
    nodeId: id.padEnd(64, '0'), address: '192.0.2.1:4433', path: 'direct', relay: null, direction: 'out', rttMs: 1, state: 'connected', connectedSeconds: 60,
    bytesSent: 0, bytesReceived: 0, relayedBytesSent: 0, relayedBytesReceived: 0, error: null, ...over,
  };
}

/** Metrics written as in the text format: `name{label="value"}` to a number. */
export function metrics(values: Readonly<Record<string, number>>): MetricsResult {
  return {
    metrics: Object.entries(values).map(([written, value]) => {
      const [, name, inner = ''] = /^(\w+)(?:\{(.*)\})?$/.exec(written)!;
      const labels = Object.fromEntries([...inner.matchAll(/(\w+)="([^"]*)"/g)].map((match) => [match[1]!, match[2]!]));
      return { name: name!, type: 'counter', help: '', samples: [{ name: name!, labels, value }] };
    }),
  };
}

export function snapshot(nowMs: number, over: Partial<Snapshot> = {}): Snapshot {
  return {
    nowMs,
    wallMs: Date.UTC(2027, 0, 1) + nowMs,
    status,
    peers: [],
    metrics: { metrics: [] },
    pool: { size: 1, max: 10, hits: 1, misses: 1, hitRate: 0.5, dials: 1, evictions: { lru: 0, idle: 0, failed: 0 }, connections: [] },
    ...over,
  };
}

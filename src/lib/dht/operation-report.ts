import type { DhtOperation, DhtResult, StoreResult } from './dht-operations.js';

/** How an operation that was asked for here went. */
export interface OperationReport {
  readonly operation: DhtOperation['type'];
  /** `failed`: it was aborted, or never began. */
  readonly outcome: StoreResult['outcome'] | 'found' | 'absent' | 'done' | 'failed';
  readonly durationMs: number;
  /** Where a read found its answer, or that there is none. */
  readonly source: 'cache' | 'local' | 'network' | undefined;
  readonly hops: number | undefined;
  readonly queried: number | undefined;
}

export function failedOperation(operation: DhtOperation['type'], durationMs: number): OperationReport {
  return { operation, outcome: 'failed', durationMs, source: undefined, hops: undefined, queried: undefined };
}

export function reportOf(operation: DhtOperation['type'], result: DhtResult, durationMs: number): OperationReport {
  const none = { operation, durationMs, source: undefined, hops: undefined, queried: undefined };
  switch (result.type) {
    case 'done':
      return { ...none, outcome: 'done' };
    case 'get':
      return { ...none, outcome: result.record ? 'found' : 'absent', source: result.source, hops: result.hops, queried: result.queried };
    case 'providers':
      return { ...none, outcome: result.records.length > 0 ? 'found' : 'absent', source: result.source, hops: result.hops, queried: result.queried };
    case 'store':
      return { ...none, outcome: result.outcome, hops: result.hops, queried: result.queried };
    case 'nodes':
    case 'trace':
      return { ...none, outcome: 'done', hops: result.hops, queried: result.queried };
  }
}

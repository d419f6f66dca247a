import { LRUCache } from 'lru-cache';
import type { NodeId } from '../identity/node-id.js';
import type { PunchReport } from './punch-types.js';

/** Attempts remembered for each peer, and peers: 8 reports of at most 64 addresses take about 10 KB. */
const maxReports = 8;
const maxPeers = 256;

/** What became of attempts at direct paths, by peer; it outlives the sessions they were made for. */
export class PunchHistory {
  readonly #reports = new LRUCache<NodeId, readonly PunchReport[]>({ max: maxPeers });

  add(nodeId: NodeId, report: PunchReport): void {
    this.#reports.set(nodeId, [...this.of(nodeId), report].slice(-maxReports));
  }

  /** The last attempts, oldest first. */
  of(nodeId: NodeId): readonly PunchReport[] {
    return this.#reports.get(nodeId) ?? [];
  }
}

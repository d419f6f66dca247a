import { MaculaError } from '../base/errors.js';
import { runLoad } from '../bench/load-run.js';
import type { LoadSummary } from '../bench/load-tally.js';
import type { BenchEvent, BenchInput, BenchSummary } from '../control/protocol-bench.js';
import type { NodeId } from '../identity/node-id.js';
import { bulkWorkload, pubsubWorkload, rpcWorkload, type Workload, type WorkloadComponents } from './bench-workloads.js';
import type { NodePeers, PingOutcome } from './node-peers.js';

/** As often as somebody who watches can follow; a run that is broken off loses no more than this. */
const reportMs = 200;

export interface BenchComponents extends WorkloadComponents {
  readonly peers: Pick<NodePeers, 'resolve' | 'ping'>;
  readonly ownId: () => NodeId;
}

/** Puts load on peers for the control socket, from inside the node: what is measured is the mesh and not the socket. */
export class BenchControl {
  readonly #components: BenchComponents;

  constructor(components: BenchComponents) {
    this.#components = components;
  }

  /**
   * First that the peer has answered, then what it came to so far, last what it came to. Ends with the signal.
   * @throws MaculaError MACULA_PEER_NOT_FOUND, MACULA_SELF_DIAL, and as the first operation fails
   */
  async *run(input: BenchInput, signal: AbortSignal): AsyncGenerator<BenchEvent, void, void> {
    const { peers, ownId } = this.#components;
    const nodeId = peers.resolve(input.node);
    if (nodeId === ownId()) throw new MaculaError('MACULA_SELF_DIAL', 'a node cannot measure the way to itself', { hint: 'Name a peer; `macula peers list` shows them.' });
    const workload = await this.#prepare(nodeId, input, signal);
    try {
      await workload.operation(signal);
      const begun = await this.#way(nodeId, signal);
      yield { event: 'started', nodeId, ...begun };
      let last: BenchSummary | undefined;
      for await (const summary of runLoad({ clock: this.#components.clock, operation: workload.operation }, { ...input, reportMs }, signal)) {
        last = summaryOf(summary);
        yield { event: 'progress', ...last };
      }
      const ended = await this.#way(nodeId, signal).catch(() => begun);
      yield { event: 'finished', ...last!, ...ended, pathChanged: ended.path !== begun.path || ended.via !== begun.via };
    } finally {
      workload.close();
    }
  }

  async #prepare(nodeId: NodeId, input: BenchInput, signal: AbortSignal): Promise<Workload> {
    switch (input.kind) {
      case 'rpc':
        return rpcWorkload(this.#components, nodeId, input);
      case 'pubsub':
        return pubsubWorkload(this.#components, nodeId, input, signal);
      case 'bulk':
        return bulkWorkload(this.#components, nodeId, input);
    }
  }

  async #way(nodeId: NodeId, signal: AbortSignal): Promise<Pick<PingOutcome, 'path' | 'via'>> {
    const { path, via } = await this.#components.peers.ping(nodeId, { signal });
    return { path, via };
  }
}

function summaryOf({ latencyMs, ...summary }: LoadSummary): BenchSummary {
  return { ...summary, latencyMs: latencyMs ?? null };
}

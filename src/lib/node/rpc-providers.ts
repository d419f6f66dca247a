import type { Dht } from '../dht/dht.js';
import type { NodeId } from '../identity/node-id.js';
import type { FoundProviders, ProviderLookup } from '../rpc/ports.js';

/** Finds providers of procedures in the DHT, and announces them there. */
export class DhtProviderLookup implements ProviderLookup {
  readonly #dht: Pick<Dht, 'findProviders' | 'providerFailed' | 'provide' | 'unprovide'>;

  constructor(components: { dht: Pick<Dht, 'findProviders' | 'providerFailed' | 'provide' | 'unprovide'> }) {
    this.#dht = components.dht;
  }

  async find(procedure: string, { fresh, patienceMs, signal }: { fresh: boolean; patienceMs: number; signal?: AbortSignal }): Promise<FoundProviders> {
    const options = { patienceMs, ...(signal ? { signal } : {}) };
    let found = await this.#dht.findProviders('procedure', procedure, { fresh, ...options });
    // "Nobody" may be some seconds old; whoever has just begun to serve is found all the same.
    if (found.providers.length === 0 && found.source === 'cache') found = await this.#dht.findProviders('procedure', procedure, { fresh: true, ...options });
    const { providers, queried, answered, isComplete } = found;
    return { nodeIds: providers.map(({ nodeId }) => nodeId), asked: queried, answered, isComplete };
  }

  failed(nodeId: NodeId): void {
    // While the node stops there is no cache left to clear.
    this.#dht.providerFailed(nodeId).catch(() => undefined);
  }

  async announce(procedure: string, signal?: AbortSignal): Promise<void> {
    await this.#dht.provide('procedure', procedure, undefined, signal ? { signal } : {});
  }

  async withdraw(procedure: string, signal?: AbortSignal): Promise<void> {
    await this.#dht.unprovide('procedure', procedure, signal ? { signal } : {});
  }
}

import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import { AdvertisedNames } from './advertised-names.js';
import type { PubSubPorts } from './ports.js';

/** Nodes asked at once about one topic. */
const asksAtOnce = 32;

/**
 * Announces this node under names and finds others under other names. Announcing comes before the last look: of two
 * nodes that begin at the same time, one then sees the other.
 */
export class TopicSearch {
  readonly #ports: Pick<PubSubPorts, 'directory' | 'logger' | 'nodeId'>;
  readonly #names: AdvertisedNames;
  readonly #announced = new Map<string, Promise<void>>();

  constructor(ports: Pick<PubSubPorts, 'directory' | 'logger' | 'nodeId'>, maxNames: number) {
    this.#ports = ports;
    this.#names = new AdvertisedNames(maxNames);
  }

  /** Keeps this node announced under the names; resolves when that is so, or failed. */
  async announce(names: readonly string[], signal: AbortSignal): Promise<void> {
    for (const name of names) {
      if (this.#names.add(name)) this.#announced.set(name, this.#tolerant(this.#ports.directory.announce(name, signal), 'announcing a topic', undefined));
    }
    await Promise.all(names.map((name) => this.#announced.get(name)));
  }

  /** The names are not needed any more. */
  withdraw(names: readonly string[]): void {
    for (const name of names) {
      if (!this.#names.remove(name)) continue;
      const announced = this.#announced.get(name);
      this.#announced.delete(name);
      // Withdrawn before it was announced, it would stay.
      void announced?.then(() => this.#tolerant(this.#ports.directory.withdraw(name), 'withdrawing a topic', undefined));
    }
  }

  /** Everybody but this node under any of the names. */
  async find(names: readonly string[], fresh: boolean, signal: AbortSignal): Promise<Set<NodeId>> {
    const found = await Promise.all(names.map((name) => this.#tolerant(this.#ports.directory.find(name, { fresh, signal }), 'looking a topic up', [])));
    const nodeIds = new Set(found.flat());
    nodeIds.delete(this.#ports.nodeId);
    return nodeIds;
  }

  /** Asks each node, a few at once. What `ask` rejects with is the node's failure alone. */
  async each(nodeIds: Iterable<NodeId>, ask: (nodeId: NodeId) => Promise<void>): Promise<void> {
    const left = [...nodeIds];
    const worker = async (): Promise<void> => {
      for (let nodeId = left.pop(); nodeId !== undefined; nodeId = left.pop()) await this.#tolerant(ask(nodeId), 'asking about a topic', undefined);
    };
    await Promise.all(Array.from({ length: Math.min(asksAtOnce, left.length) }, worker));
  }

  async #tolerant<Result>(work: Promise<Result>, what: string, otherwise: Result): Promise<Result> {
    try {
      return await work;
    } catch (error) {
      this.#ports.logger.debug('publish/subscribe could not reach others', { what, error: MaculaError.from(error).message });
      return otherwise;
    }
  }
}

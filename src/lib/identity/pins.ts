import { formatAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { KeyValue } from '../base/key-value.js';
import type { NodeId } from './node-id.js';
import { parsePeerUrl } from './peer-url.js';

/** What the store keeps under `url <url>` or `denied <node id>`. */
export interface PinRecord {
  readonly nodeId: NodeId;
  /** Wall clock, milliseconds since the Unix epoch. */
  readonly sinceMs: number;
}

/** A line of {@link Pins.list}. */
export type Pin =
  | { readonly kind: 'pinned'; readonly url: string; readonly nodeId: NodeId; readonly sinceMs: number }
  | { readonly kind: 'denied'; readonly nodeId: NodeId; readonly sinceMs: number };

export interface PinsComponents {
  readonly store: KeyValue<PinRecord>;
  readonly clock: Clock;
}

const urlPrefix = 'url ';
const deniedPrefix = 'denied ';

/** One place has one pin, however its URL was written and whether or not it names an id. */
function placeOf(url: string): string {
  return `https://${formatAddress(parsePeerUrl(url))}`;
}

/**
 * What this node remembers about who it trusts: the id first seen at each URL that named none (trust on first
 * use), and the ids the operator has marked untrusted. URLs are taken as {@link parsePeerUrl} takes them and
 * throw MACULA_USAGE as it does; ids must be canonical (`parseNodeId`).
 */
export class Pins {
  readonly #store: KeyValue<PinRecord>;
  readonly #clock: Clock;
  /** Asked for several times with each connection; read once, as nobody else writes to the store. */
  #denied: Set<NodeId> | undefined;

  constructor(components: PinsComponents) {
    this.#store = components.store;
    this.#clock = components.clock;
  }

  /**
   * Compares the id a node proved at a URL with the one remembered; remembers nothing itself.
   * @throws MaculaError MACULA_PIN_MISMATCH with details `url`, `expected`, `got`
   */
  check(url: string, nodeId: NodeId): 'match' | 'first-use' {
    const place = placeOf(url);
    const expected = this.pinned(url);
    if (expected === undefined) return 'first-use';
    if (expected === nodeId) return 'match';
    throw new MaculaError('MACULA_PIN_MISMATCH', `${place} shows node id ${nodeId}, but ${expected} is remembered for it.`, {
      details: { url: place, expected, got: nodeId },
      hint: `If the node there was replaced on purpose, accept the new one with \`macula peers trust ${place}\`. Otherwise somebody else answers at that address.`,
    });
  }

  /** The id remembered for a URL. */
  pinned(url: string): NodeId | undefined {
    return this.#store.get(urlPrefix + placeOf(url))?.nodeId;
  }

  /** Remembers the id for a URL in place of any other. @throws MaculaError MACULA_STORE_FAILED */
  async pin(url: string, nodeId: NodeId): Promise<void> {
    await this.#store.put(urlPrefix + placeOf(url), { nodeId, sinceMs: this.#clock.wallMs() });
  }

  /** Forgets the id of a URL, so that its next use is a first use. @throws MaculaError MACULA_STORE_FAILED */
  async unpin(url: string): Promise<void> {
    await this.#store.remove(urlPrefix + placeOf(url));
  }

  /** Marks an id untrusted until {@link allow}. @throws MaculaError MACULA_STORE_FAILED */
  async deny(nodeId: NodeId): Promise<void> {
    await this.#store.put(deniedPrefix + nodeId, { nodeId, sinceMs: this.#clock.wallMs() });
    this.#deniedIds().add(nodeId);
  }

  /** Takes an id off the deny list; no error if it is not on it. @throws MaculaError MACULA_STORE_FAILED */
  async allow(nodeId: NodeId): Promise<void> {
    await this.#store.remove(deniedPrefix + nodeId);
    this.#deniedIds().delete(nodeId);
  }

  isDenied(nodeId: NodeId): boolean {
    return this.#deniedIds().has(nodeId);
  }

  /** Everything remembered, denied ids first, each kind in key order. */
  list(): Pin[] {
    return [...this.#store.entries()].map(([key, { nodeId, sinceMs }]): Pin => {
      if (key.startsWith(urlPrefix)) return { kind: 'pinned', url: key.slice(urlPrefix.length), nodeId, sinceMs };
      return { kind: 'denied', nodeId, sinceMs };
    });
  }

  #deniedIds(): Set<NodeId> {
    if (this.#denied) return this.#denied;
    const keys = [...this.#store.entries()].map(([key]) => key).filter((key) => key.startsWith(deniedPrefix));
    return (this.#denied = new Set(keys.map((key) => key.slice(deniedPrefix.length))));
  }
}

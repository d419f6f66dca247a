import { addressScope } from '../base/address.js';
import type { Clock, Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { Settings } from '../config/schema.js';
import { encodePeerRecord } from '../wire/peer-record.js';
import type { NodeParts } from './node-parts.js';
import type { ChildSpec } from './supervisor.js';
import type { TreeComponents } from './tree-components.js';

/** Changes come in bursts: a session, what it says of this node, a relay. */
const settleMs = 300;
/** A node behind a NAT holds relays soon: until then what it says would send others to where it cannot be reached, and they keep it for minutes. */
const relaysWithinMs = 15_000;
/** How often the addresses are looked at besides: those that peers confirm change without an event. */
const lookIntervalMs = 30_000;
/** A record that nobody has taken is published again after this long. */
const retryMs = 5000;

/** Saying in the DHT where this node can be reached, anew whenever that changes. */
export function peerRecordChild({ parts, clock, logger }: TreeComponents, _settings: Settings): ChildSpec {
  return {
    id: 'peer record',
    start: async () => {
      const record = new OwnPeerRecord({ parts, clock, logger });
      const unsubscribe = [
        parts.running('sessions').on('opened', () => record.look()),
        parts.relayClient?.on('changed', () => record.look()),
        parts.portMapper?.on('changed', () => record.look()),
        parts.nat?.on('found', () => {
          parts.relayClient?.reconsider();
          record.look();
        }),
        parts.nat?.on('localHostsChanged', () => record.look()),
      ];
      record.look();
      return async () => {
        for (const stop of unsubscribe) stop?.();
        record.stop();
      };
    },
  };
}

/** Publishes this node's peer record when it differs from the one published, once there is somebody to hold it. */
export class OwnPeerRecord {
  readonly #parts: Pick<NodeParts, 'localAddresses' | 'relayClient' | 'dht'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  #published: Uint8Array | undefined;
  #timer: Timer | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #isPublishing = false;
  #isChanged = false;

  constructor(components: { parts: Pick<NodeParts, 'localAddresses' | 'relayClient' | 'dht'>; clock: Clock; logger: Logger }) {
    this.#parts = components.parts;
    this.#clock = components.clock;
    this.#logger = components.logger;
  }

  /** Something changed that bears on where this node can be reached. */
  look(): void {
    if (this.#isPublishing) this.#isChanged = true;
    else this.#schedule(settleMs);
  }

  stop(): void {
    this.#stopping.abort();
    this.#timer?.cancel();
  }

  #schedule(delayMs: number): void {
    const dueMs = this.#clock.nowMs() + delayMs;
    // Changes that go on do not put it off.
    if (this.#stopping.signal.aborted || dueMs >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      void this.#publish();
    });
  }

  async #publish(): Promise<void> {
    const { dht, localAddresses, relayClient } = this.#parts;
    const addresses = localAddresses?.list().filter(({ host }) => addressScope(host) !== 'loopback') ?? [];
    const relays = relayClient?.relays() ?? [];
    const body = encodePeerRecord({ addresses, relays });
    const isSame = this.#published !== undefined && Buffer.compare(this.#published, body) === 0;
    const isNews = !isSame && (this.#published !== undefined || addresses.length + relays.length > 0);
    let nextMs = lookIntervalMs;
    const relaylessForMs = relayClient?.relaylessForMs;
    const waits = relaylessForMs !== undefined && relaylessForMs < relaysWithinMs;
    if (isNews && waits) nextMs = relaysWithinMs - relaylessForMs;
    else if (isNews && dht && dht.nodes().length > 0) {
      this.#isPublishing = true;
      this.#isChanged = false;
      try {
        await dht.announcePeer(body, { signal: this.#stopping.signal });
        this.#published = body;
        this.#logger.debug('the peer record was published', { addresses: addresses.length, relays: relays.length });
      } catch (error) {
        nextMs = retryMs;
        this.#logger.debug('the peer record was not confirmed', { error: MaculaError.from(error).message });
      } finally {
        this.#isPublishing = false;
      }
    }
    this.#schedule(this.#isChanged ? settleMs : nextMs);
    this.#isChanged = false;
  }
}

import type { SocketAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import { HandshakeLimits, type HandshakeLimitSettings, type HandshakeSource, type RelayedSource } from './handshake-limits-core.js';
import { LongType, quicVersion1, type LongHeader } from './long-header.js';
import { quiche } from './quiche-binding.js';
import { relayHeaderBytes } from './relay-link.js';
import { RetryTokens } from './retry-token.js';

/** Length of our connection ids. */
export const connectionIdBytes = 8;

/** Datagrams that open a connection are at least this long (RFC 9000 section 14.1), so that answers never amplify; with the header of relayed ones. */
const initialBytes = 1200;

/** Shortest id a client may choose for its first Initial (RFC 9000 section 7.2). */
const shortestClientId = 8;

/** Version negotiation packets a second; an honest client needs one in its life. */
const versionAnswersPerSecond = 100;

/** What becomes of a long-header packet that belongs to no connection. */
export type GateDecision =
  | {
      readonly kind: 'accept';
      /** Our connection id. */
      readonly sourceId: Buffer;
      /** The client's first destination id, where a retry came between. */
      readonly originalId: Uint8Array | undefined;
      /** Who sends is who it seems: a retry token shows it, or a relay says so. */
      readonly proven: boolean;
    }
  | { readonly kind: 'answer'; readonly answer: 'retry' | 'version'; readonly length: number }
  | { readonly kind: 'drop'; readonly reason: string };

export type GateSettings = HandshakeLimitSettings & Pick<Settings, 'retryTokenLifetimeMs'>;

function drop(reason: string): GateDecision {
  return { kind: 'drop', reason };
}

/** Decides who may begin a handshake; keeps nothing about those who may not. */
export class HandshakeGate {
  readonly limits: HandshakeLimits;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #tokens: RetryTokens;
  #versionAnswers = 0;
  #versionSecond = 0;

  constructor(components: { clock: Clock; random: RandomSource }, settings: GateSettings) {
    this.#clock = components.clock;
    this.#random = components.random;
    this.#tokens = new RetryTokens(components, settings);
    this.limits = new HandshakeLimits(settings);
  }

  /** @param out takes the answer, where there is one */
  decide(packet: Buffer, header: LongHeader, source: HandshakeSource, out: Buffer): GateDecision {
    if (header.version === 0) return drop('version-negotiation');
    if (packet.length + ('relay' in source ? relayHeaderBytes : 0) < initialBytes) return drop('short-initial');
    if (header.version !== quicVersion1) return this.#answerVersion(header, out);
    if (header.type !== LongType.initial) return drop('unknown-connection');
    if (header.destinationId.length < shortestClientId || !header.token) return drop('malformed');
    return 'relay' in source ? this.#decideRelayed(source) : this.#decideInitial(header, header.token, source, out);
  }

  /** Addresses cannot be forged through a relay: it passes on what admitted peers send and nothing else. */
  #decideRelayed(source: RelayedSource): GateDecision {
    const decision = this.limits.decide(source, true, this.#clock.nowMs(), 0);
    return decision.kind === 'drop' ? decision : { kind: 'accept', sourceId: this.newId(), originalId: undefined, proven: true };
  }

  #decideInitial(header: LongHeader, token: Buffer, address: SocketAddress, out: Buffer): GateDecision {
    const nowMs = this.#clock.nowMs();
    const ours = token.length > 0 && header.destinationId.length === connectionIdBytes;
    const originalId = ours ? this.#tokens.verify(token, address, header.destinationId, nowMs) : undefined;
    const decision = this.limits.decide(address, originalId !== undefined, nowMs, this.#random.float());
    switch (decision.kind) {
      case 'drop':
        return decision;
      case 'accept':
        return { kind: 'accept', sourceId: originalId ? Buffer.from(header.destinationId) : this.newId(), originalId, proven: originalId !== undefined };
      case 'retry': {
        const retryId = this.newId();
        const retryToken = this.#tokens.issue(address, header.destinationId, retryId, nowMs);
        const length = quiche.retry(header.sourceId, header.destinationId, retryId, retryToken, header.version, out);
        return { kind: 'answer', answer: 'retry', length };
      }
    }
  }

  newId(): Buffer {
    return Buffer.from(this.#random.bytes(connectionIdBytes));
  }

  #answerVersion(header: LongHeader, out: Buffer): GateDecision {
    const second = Math.floor(this.#clock.nowMs() / 1000);
    if (second !== this.#versionSecond) this.#versionAnswers = 0;
    this.#versionSecond = second;
    if (this.#versionAnswers >= versionAnswersPerSecond) return drop('unknown-version');
    this.#versionAnswers += 1;
    return { kind: 'answer', answer: 'version', length: quiche.negotiateVersion(header.sourceId, header.destinationId, out) };
  }
}

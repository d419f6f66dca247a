import type { SocketAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { Settings } from '../config/schema.js';
import { PrefixLimiter } from './prefix-limiter.js';
import { bindingMethod, encodeStun, StunAttribute, type StunMessage } from './stun-message.js';

export type StunResponderSettings = Pick<Settings, 'stunRatePerPrefix' | 'stunRate'>;

/** Why a request got no answer. */
export type StunRefusal = 'stun-rate-limited' | 'stun-unsupported';

export interface StunResponderStats {
  readonly answered: number;
  /** Answered with an error, as the request demanded what is not offered. */
  readonly refused: number;
  readonly rateLimited: number;
}

/** Types listed in an error 420: with no more it is never longer than what it answers. */
const maxListedAttributes = 4;

/**
 * Answers binding requests of anybody with the address they came from (RFC 8489, section 6.3.1), and nothing else: an answer is
 * 12 bytes longer than a request without attributes, 24 for IPv6, as the RFC demands, and never more. CHANGE-REQUEST is not
 * offered to strangers, as it would let them choose who is sent to; nodes of the mesh ask for it in a session (PeerProbes).
 */
export class StunResponder {
  readonly #clock: Clock;
  readonly #limiter: PrefixLimiter;
  #answered = 0;
  #refused = 0;
  #rateLimited = 0;

  constructor(components: { clock: Clock }, settings: StunResponderSettings) {
    this.#clock = components.clock;
    this.#limiter = new PrefixLimiter(settings.stunRatePerPrefix, settings.stunRate);
  }

  stats(): StunResponderStats {
    return { answered: this.#answered, refused: this.#refused, rateLimited: this.#rateLimited };
  }

  /** The answer to a request, or why there is none. */
  answer(request: StunMessage, from: SocketAddress): Uint8Array | StunRefusal {
    if (request.class !== 'request' || request.method !== bindingMethod) return 'stun-unsupported';
    if (!this.#limiter.take(from.host, this.#clock.nowMs())) {
      this.#rateLimited += 1;
      return 'stun-rate-limited';
    }
    const { transactionId, fingerprint, changeRequest } = request;
    const answer = { method: bindingMethod, transactionId, ...(fingerprint ? { fingerprint } : {}) };
    const wantsChange = changeRequest !== undefined && (changeRequest.host || changeRequest.port);
    const legacy = transactionId.length > 24;
    // A client of RFC 3489 would take an error for an answer from the other address.
    if (wantsChange && legacy) return 'stun-unsupported';
    const notUnderstood = [...(wantsChange ? [StunAttribute.changeRequest] : []), ...(legacy ? [] : (request.notUnderstood ?? []))];
    if (notUnderstood.length > 0) {
      this.#refused += 1;
      return encodeStun({ ...answer, class: 'error', error: { code: 420, reason: '' }, unknownAttributes: notUnderstood.slice(0, maxListedAttributes) });
    }
    this.#answered += 1;
    return encodeStun({ ...answer, class: 'success', ...(legacy ? { mappedAddress: from } : { xorMappedAddress: from }) });
  }
}

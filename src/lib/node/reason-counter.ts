import type { ErrorCode } from '../base/error-catalogue.js';
import type { CountsByReason } from '../observability/metric-sources.js';

/** Reasons for which connections are refused; their zeros are exported in advance, so that rates work from the first one on. */
export const refusalReasons: readonly ErrorCode[] = [
  'MACULA_REALM_MISMATCH', 'MACULA_REALM_PROOF_FAILED', 'MACULA_VERSION_MISMATCH', 'MACULA_PEER_UNTRUSTED', 'MACULA_PEER_REFUSED', 'MACULA_PROTOCOL_VIOLATION',
  'MACULA_TIMED_OUT', 'MACULA_UNREACHABLE', 'MACULA_OVERLOADED', 'MACULA_ID_MISMATCH', 'MACULA_CERTIFICATE_INVALID', 'MACULA_CERTIFICATE_EXPIRED',
];

/** Counts by reason, since the process began. */
export class ReasonCounter {
  readonly #counts: Map<string, number>;

  /** @param reasons those that are there with zero from the beginning */
  constructor(reasons: readonly string[]) {
    this.#counts = new Map(reasons.map((reason) => [reason, 0]));
  }

  get byReason(): CountsByReason {
    return Object.fromEntries(this.#counts);
  }

  /** @param reason from a fixed set, so that labels stay few */
  count(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }
}

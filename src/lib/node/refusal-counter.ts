import type { ErrorCode } from '../base/error-catalogue.js';
import type { CountsByReason } from '../observability/metrics.js';

/** Reasons for which connections are refused; their zeros are exported in advance, so that rates work from the first one on. */
const knownReasons: readonly ErrorCode[] = [
  'MACULA_REALM_MISMATCH', 'MACULA_REALM_PROOF_FAILED', 'MACULA_VERSION_MISMATCH', 'MACULA_PEER_UNTRUSTED', 'MACULA_PEER_REFUSED', 'MACULA_PROTOCOL_VIOLATION',
  'MACULA_TIMED_OUT', 'MACULA_UNREACHABLE', 'MACULA_OVERLOADED', 'MACULA_ID_MISMATCH', 'MACULA_CERTIFICATE_INVALID', 'MACULA_CERTIFICATE_EXPIRED',
];

/** Counts connections that did not become sessions, since the process began. */
export class RefusalCounter {
  readonly #counts = new Map<string, number>(knownReasons.map((reason) => [reason, 0]));

  get byReason(): CountsByReason {
    return Object.fromEntries(this.#counts);
  }

  /** @param reason a code of the error catalogue, so that labels stay few */
  count(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }
}

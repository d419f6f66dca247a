import { addressPrefix, addressScope, type SocketAddress } from '../base/address.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';

export type HandshakeLimitSettings = Pick<
  Settings,
  | 'maxHalfOpen'
  | 'maxHalfOpenPerNetwork'
  | 'maxHalfOpenPerHost'
  | 'retryAboveHalfOpen'
  | 'retryAboveInitialsPerSecond'
  | 'retrySampleRatio'
  | 'maxRetriesPerSecond'
  | 'maxConnections'
  | 'maxConnectionsPerPrefix'
>;

/** Who comes through a relay, which knows only admitted peers: the relay says who it is. */
export interface RelayedSource {
  readonly relay: NodeId;
  readonly peer: NodeId;
}

/**
 * Whom handshakes are counted under: an address, or a peer that comes through a relay. All who come through one relay
 * show its address, so they are counted by who they are, and all of one relay as those of one network.
 */
export type HandshakeSource = SocketAddress | RelayedSource;

/** Which limit an Initial was dropped for. */
export type HandshakeDropReason = 'half-open' | 'half-open-network' | 'half-open-host' | 'connections' | 'connections-prefix' | 'retries';

export type HandshakeDecision = { readonly kind: 'accept' } | { readonly kind: 'retry' } | { readonly kind: 'drop'; readonly reason: HandshakeDropReason };

const accept: HandshakeDecision = { kind: 'accept' };
const retry: HandshakeDecision = { kind: 'retry' };

function drop(reason: HandshakeDropReason): HandshakeDecision {
  return { kind: 'drop', reason };
}

/**
 * Decides about each new Initial: accept it, answer it with a Retry, or drop it.
 *
 * The source address of an Initial is whatever its sender wrote there, until a retry token comes back from it. So
 * limits per host and network refuse only on the strength of handshakes whose address was proven; those without
 * proof make a token necessary and nothing more. Otherwise a few spoofed Initials would lock out honest hosts. The
 * state spoofed Initials can take is bounded by retryAboveHalfOpen, and at most half of maxHalfOpen.
 *
 * Report each accepted handshake once as opened(), then as established() or failed(), and each connection at its
 * end as closed(): always with the source its first Initial came from, even if the peer has moved since.
 */
export class HandshakeLimits {
  readonly #settings: HandshakeLimitSettings;
  readonly #freeHalfOpen: number;
  readonly #initials = new Rate();
  readonly #retries = new Rate();
  #halfOpen = 0;
  #provenHalfOpen = 0;
  #connections = 0;
  readonly #halfOpenByHost = new Counts();
  readonly #provenByHost = new Counts();
  readonly #halfOpenByNetwork = new Counts();
  readonly #provenByNetwork = new Counts();
  readonly #connectionsByNetwork = new Counts();

  constructor(settings: HandshakeLimitSettings) {
    this.#settings = settings;
    this.#freeHalfOpen = Math.min(settings.retryAboveHalfOpen, Math.floor(settings.maxHalfOpen / 2));
  }

  /** Handshakes under way. */
  get halfOpen(): number {
    return this.#halfOpen;
  }

  /** Established connections, both directions. */
  get connections(): number {
    return this.#connections;
  }

  /** Entries of all counters: proportional to what is open, never to what was seen. */
  get trackedPrefixes(): number {
    const maps = [this.#halfOpenByHost, this.#provenByHost, this.#halfOpenByNetwork, this.#provenByNetwork, this.#connectionsByNetwork];
    return maps.reduce((sum, map) => sum + map.size, 0);
  }

  /**
   * @param source where the Initial came from
   * @param hasValidToken it shows a token that RetryTokens.verify accepts
   * @param nowMs Clock.nowMs()
   * @param draw a random number in [0, 1), for retrySampleRatio
   */
  decide(source: HandshakeSource, hasValidToken: boolean, nowMs: number, draw: number): HandshakeDecision {
    if (hasValidToken) return this.#decideProven(source);
    // Initials with a token are the second half of an attempt that was counted already.
    this.#initials.count(nowMs);
    if (this.#connections >= this.#settings.maxConnections) return drop('connections');
    if (!this.#mustProve(source, nowMs, draw)) return accept;
    if (this.#retries.perSecond(nowMs) >= this.#settings.maxRetriesPerSecond) return drop('retries');
    this.#retries.count(nowMs);
    return retry;
  }

  /** An accepted handshake begins. @param proven its Initial showed a valid token */
  opened(source: HandshakeSource, proven: boolean): void {
    const host = hostKey(source);
    const network = networkKey(source);
    this.#halfOpen += 1;
    this.#halfOpenByHost.add(host);
    this.#halfOpenByNetwork.add(network);
    if (!proven) return;
    this.#provenHalfOpen += 1;
    this.#provenByHost.add(host);
    this.#provenByNetwork.add(network);
  }

  /** A half-open connection is established. @param proven as given to opened() */
  established(source: HandshakeSource, proven: boolean): void {
    this.failed(source, proven);
    this.dialled(source);
  }

  /** A half-open connection ended. @param proven as given to opened() */
  failed(source: HandshakeSource, proven: boolean): void {
    const host = hostKey(source);
    const network = networkKey(source);
    this.#halfOpen -= 1;
    this.#halfOpenByHost.remove(host);
    this.#halfOpenByNetwork.remove(network);
    if (!proven) return;
    this.#provenHalfOpen -= 1;
    this.#provenByHost.remove(host);
    this.#provenByNetwork.remove(network);
  }

  /** A connection this node dialled is established: it counts, and was never half-open here. */
  dialled(source: HandshakeSource): void {
    this.#connections += 1;
    this.#connectionsByNetwork.add(networkKey(source));
  }

  /** An established connection ended. */
  closed(source: HandshakeSource): void {
    this.#connections -= 1;
    this.#connectionsByNetwork.remove(networkKey(source));
  }

  // Cheapest questions first: in a flood the counters per prefix are never asked.
  #mustProve(source: HandshakeSource, nowMs: number, draw: number): boolean {
    const { retryAboveInitialsPerSecond, retrySampleRatio, maxConnections, maxConnectionsPerPrefix, maxHalfOpenPerHost, maxHalfOpenPerNetwork } = this.#settings;
    if (this.#halfOpen >= this.#freeHalfOpen) return true;
    if (this.#initials.perSecond(nowMs) > retryAboveInitialsPerSecond) return true;
    if (draw < retrySampleRatio) return true;
    if (this.#connections + this.#halfOpen >= maxConnections) return true;
    const network = networkKey(source);
    const halfOpenInNetwork = this.#halfOpenByNetwork.of(network);
    if (halfOpenInNetwork >= maxHalfOpenPerNetwork) return true;
    if (this.#halfOpenByHost.of(hostKey(source)) >= maxHalfOpenPerHost) return true;
    return this.#connectionsByNetwork.of(network) + halfOpenInNetwork >= maxConnectionsPerPrefix && isLimitedPerPrefix(source);
  }

  #decideProven(source: HandshakeSource): HandshakeDecision {
    const { maxConnections, maxConnectionsPerPrefix, maxHalfOpen, maxHalfOpenPerHost, maxHalfOpenPerNetwork } = this.#settings;
    if (this.#connections + this.#provenHalfOpen >= maxConnections) return drop('connections');
    if (this.#halfOpen >= maxHalfOpen) return drop('half-open');
    const network = networkKey(source);
    const halfOpenInNetwork = this.#provenByNetwork.of(network);
    if (this.#connectionsByNetwork.of(network) + halfOpenInNetwork >= maxConnectionsPerPrefix && isLimitedPerPrefix(source)) return drop('connections-prefix');
    if (halfOpenInNetwork >= maxHalfOpenPerNetwork) return drop('half-open-network');
    if (this.#provenByHost.of(hostKey(source)) >= maxHalfOpenPerHost) return drop('half-open-host');
    return accept;
  }
}

function hostKey(source: HandshakeSource): string {
  if ('relay' in source) return source.peer;
  return source.host.includes(':') ? addressPrefix(source.host, 32, 64) : source.host;
}

function networkKey(source: HandshakeSource): string {
  return 'relay' in source ? source.relay : addressPrefix(source.host, 24, 48);
}

/** How many come through one relay is limited where its sessions are taken. */
function isLimitedPerPrefix(source: HandshakeSource): boolean {
  return !('relay' in source) && addressScope(source.host) === 'public';
}

/** Counters by key; a key at zero takes no memory. */
class Counts {
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#counts.size;
  }

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: string): void {
    this.#counts.set(key, this.of(key) + 1);
  }

  remove(key: string): void {
    const count = this.of(key);
    if (count > 1) this.#counts.set(key, count - 1);
    else this.#counts.delete(key);
  }
}

const windowMs = 1000;

/** Events in the last second, estimated from two windows: the share of the previous one still in sight, and this one. */
class Rate {
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #current = 0;
  #previous = 0;

  count(nowMs: number): void {
    this.#turn(nowMs);
    this.#current += 1;
  }

  perSecond(nowMs: number): number {
    this.#turn(nowMs);
    const inSight = 1 - (nowMs - this.#windowStartMs) / windowMs;
    return this.#previous * inSight + this.#current;
  }

  #turn(nowMs: number): void {
    const elapsedMs = nowMs - this.#windowStartMs;
    if (elapsedMs < windowMs) return;
    const adjacent = elapsedMs < 2 * windowMs;
    this.#previous = adjacent ? this.#current : 0;
    this.#current = 0;
    this.#windowStartMs = adjacent ? this.#windowStartMs + windowMs : nowMs;
  }
}

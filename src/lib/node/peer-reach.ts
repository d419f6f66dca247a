import { delay } from '../base/abort.js';
import { addressScope, formatAddress, type SocketAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import { raceAddresses, raceWays } from '../peers/dial-race.js';
import { noAddressError } from '../pool/pool-errors.js';
import type { OtherWays } from '../pool/ports.js';
import type { Session } from '../session/session.js';
import { decodePeerRecord, type PeerRecord, type RelayHint } from '../wire/peer-record.js';
import type { NodeParts } from './node-parts.js';

/** Head start of known addresses over asking the DHT where a node is: what answers does so sooner. */
const lookUpAfterMs = 300;

export interface ReachOptions extends OtherWays {
  /** Addresses that are being tried elsewhere or were tried. */
  readonly tried: readonly SocketAddress[];
  readonly signal: AbortSignal;
}

/** Reaches nodes by all ways there are: addresses, relays, and what the node's peer record in the DHT says of both. */
export class PeerReach {
  readonly #parts: NodeParts;
  readonly #clock: Clock;

  constructor(components: { parts: NodeParts; clock: Clock }) {
    this.#parts = components.parts;
    this.#clock = components.clock;
  }

  /**
   * Tries addresses and, at the same time, other ways; the first that works carries the session.
   * @throws MaculaError MACULA_UNREACHABLE, and as SessionManager.dial
   */
  dial(nodeId: NodeId, addresses: readonly SocketAddress[], signal: AbortSignal, ways: OtherWays): Promise<Session> {
    const directly = (lost: AbortSignal): Promise<Session> => this.#directly(nodeId, addresses, lost);
    const otherwise = (lost: AbortSignal): Promise<Session> => this.otherwise(nodeId, { ...ways, tried: addresses, signal: lost });
    return raceWays(addresses.length > 0 ? [directly, otherwise] : [otherwise], signal);
  }

  /** The same without the addresses known already. */
  otherwise(nodeId: NodeId, { relays, mayLookUp, tried, signal }: ReachOptions): Promise<Session> {
    if (relays.length > 0) return this.#throughAny(nodeId, relays, signal);
    if (!mayLookUp) return Promise.reject(noAddressError(nodeId));
    return this.#lookedUp(nodeId, tried, signal);
  }

  /** What the node says of where it is, from the DHT; undefined when it says nothing that can be read. */
  async recordOf(nodeId: NodeId, options: { fresh?: boolean; signal?: AbortSignal } = {}): Promise<PeerRecord | undefined> {
    const body = await this.#parts.dht?.findPeer(nodeId, options);
    try {
      return body && decodePeerRecord(body);
    } catch {
      return undefined;
    }
  }

  async #lookedUp(nodeId: NodeId, tried: readonly SocketAddress[], signal: AbortSignal): Promise<Session> {
    if (tried.length > 0) await delay(this.#clock, lookUpAfterMs, signal);
    const record = await this.recordOf(nodeId, { signal });
    if (!record) throw noAddressError(nodeId);
    const known = new Set(tried.map(formatAddress));
    const addresses = record.addresses.filter((address) => !known.has(formatAddress(address)) && addressScope(address.host) !== 'loopback');
    const ways = [
      ...(addresses.length > 0 ? [(lost: AbortSignal) => this.#directly(nodeId, addresses, lost)] : []),
      ...(record.relays.length > 0 ? [(lost: AbortSignal) => this.#throughAny(nodeId, record.relays, lost)] : []),
    ];
    if (ways.length === 0) throw noAddressError(nodeId);
    return raceWays(ways, signal);
  }

  #directly(nodeId: NodeId, addresses: readonly SocketAddress[], signal: AbortSignal): Promise<Session> {
    const sessions = this.#parts.running('sessions');
    return raceAddresses(this.#clock, addresses, signal, (address, lost) => sessions.dial({ kind: 'direct', address }, { expectedId: nodeId, signal: lost }));
  }

  #throughAny(nodeId: NodeId, relays: readonly RelayHint[], signal: AbortSignal): Promise<Session> {
    const dialler = this.#parts.relayDialler;
    if (!dialler) return Promise.reject(new MaculaError('MACULA_UNREACHABLE', 'relays are not used now'));
    return raceAddresses(this.#clock, relays, signal, (relay, lost) => dialler.dial(nodeId, relay, lost));
  }
}

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
  async otherwise(nodeId: NodeId, { relays, mayLookUp, tried, signal }: ReachOptions): Promise<Session> {
    // The routing table is asked for other nodes only: its own requests say where they go.
    const known = relays.length > 0 || !mayLookUp ? relays : (this.#parts.dht?.contact(nodeId)?.relays ?? []);
    if (known.length === 0 && !mayLookUp) throw noAddressError(nodeId);
    try {
      if (known.length > 0) return await this.#throughAny(nodeId, known, signal);
    } catch (error) {
      // Relays change: the node itself, or those close to it, may know better.
      if (!mayLookUp || signal.aborted) throw error;
    }
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
    let ways = record ? this.#waysOf(nodeId, record, tried) : [];
    if (ways.length === 0) {
      // What is remembered may be older than the node's relays, also that there was no record. A node without one is still known to its neighbours.
      const { dht } = this.#parts;
      const places = await Promise.all([this.recordOf(nodeId, { fresh: true, signal }), dht?.findContact(nodeId, { signal })]);
      ways = places.flatMap((place) => (place ? this.#waysOf(nodeId, place, tried) : []));
    }
    if (ways.length === 0) throw noAddressError(nodeId);
    return raceWays(ways, signal);
  }

  #waysOf(nodeId: NodeId, { addresses, relays }: Pick<PeerRecord, 'addresses' | 'relays'>, tried: readonly SocketAddress[]): ((lost: AbortSignal) => Promise<Session>)[] {
    const known = new Set(tried.map(formatAddress));
    const fresh = addresses.filter((address) => !known.has(formatAddress(address)) && addressScope(address.host) !== 'loopback');
    return [
      ...(fresh.length > 0 ? [(lost: AbortSignal) => this.#directly(nodeId, fresh, lost)] : []),
      ...(relays.length > 0 ? [(lost: AbortSignal) => this.#throughAny(nodeId, relays, lost)] : []),
    ];
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

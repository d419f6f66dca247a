import { formatAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { PeerWhyResult } from '../control/protocol-nat.js';
import { parseNodeId, type NodeId } from '../identity/node-id.js';
import { parsePeerUrl } from '../identity/peer-url.js';
import type { PeerInfo } from '../peers/peer-info.js';
import type { PeerCounts } from '../peers/peers.js';
import { untrustedError } from '../session/untrusted-error.js';
import { CloseCode } from '../transport/endpoint.js';
import type { NodeParts } from './node-parts.js';
import { PeerWhy } from './peer-why.js';

/** One round trip to a peer and the way it took. */
export interface PingOutcome {
  readonly rttMs: number;
  readonly path: 'direct' | 'relay';
  /** Address the packets went to, or the relay they went through. */
  readonly via: string;
}

export interface PingOptions {
  /** Milliseconds; the setting requestTimeoutMs where absent. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** The peers of a node: whom it keeps connected, and whom it trusts. */
export class NodePeers {
  readonly #parts: NodeParts;
  readonly #clock: Clock;

  constructor(components: { parts: NodeParts; clock: Clock }) {
    this.#parts = components.parts;
    this.#clock = components.clock;
  }

  /**
   * Connects to a peer and keeps it connected from then on.
   * @param target `https://host:port`, `macula://id@host:port`, `host:port`, or the id of a known peer
   * @param signal aborting it ends the waiting
   * @throws MaculaError MACULA_USAGE, MACULA_PEER_NOT_FOUND, MACULA_UNREACHABLE, MACULA_TIMED_OUT, MACULA_PIN_MISMATCH,
   * MACULA_ID_MISMATCH, MACULA_REALM_MISMATCH, MACULA_REALM_PROOF_FAILED, MACULA_PEER_UNTRUSTED, MACULA_SELF_DIAL
   */
  startPeer(target: string, signal?: AbortSignal): Promise<PeerInfo> {
    return this.#parts.running('peers').startPeer(target, signal);
  }

  /** Ends the session with a peer and no longer keeps it. @throws MaculaError MACULA_PEER_NOT_FOUND */
  stopPeer(nodeId: NodeId): Promise<void> {
    return this.#parts.running('peers').stopPeer(nodeId);
  }

  /** All peers, connected ones first. */
  listPeers(): PeerInfo[] {
    return this.#parts.running('peers').listPeers();
  }

  countPeers(): PeerCounts {
    return this.#parts.running('peers').countPeers();
  }

  /**
   * The id of the one peer whose id begins so.
   * @param start an id or at least 8 characters of one
   * @throws MaculaError MACULA_PEER_NOT_FOUND, MACULA_USAGE when several begin so
   */
  resolve(start: string): NodeId {
    const whole = parseNodeId(start);
    if (whole !== undefined) return whole;
    const ids = new Set(this.listPeers().map((peer) => peer.nodeId));
    const found = [...ids].filter((nodeId) => nodeId?.startsWith(start.toLowerCase()));
    if (found.length > 1) throw new MaculaError('MACULA_USAGE', `${found.length} peers have ids that begin with ${start}`, { details: { found }, hint: 'Write more characters of the id.' });
    if (found[0] === undefined) throw new MaculaError('MACULA_PEER_NOT_FOUND', `no peer has an id that begins with ${start}`);
    return found[0];
  }

  /** Why packets to a peer take the way they do. @throws MaculaError MACULA_PEER_NOT_FOUND */
  why(nodeId: NodeId): PeerWhyResult {
    return new PeerWhy({ parts: this.#parts, clock: this.#clock }).explain(nodeId);
  }

  /** Sends a ping to a connected peer. @throws MaculaError MACULA_PEER_NOT_FOUND, MACULA_PEER_UNTRUSTED, MACULA_TIMED_OUT, MACULA_CONNECTION_CLOSED */
  async ping(nodeId: NodeId, options: PingOptions = {}): Promise<PingOutcome> {
    const session = this.#parts.running('sessions').get(nodeId);
    if (!session && this.#parts.running('pins').isDenied(nodeId)) throw untrustedError(nodeId);
    if (!session) throw new MaculaError('MACULA_PEER_NOT_FOUND', `${nodeId} is not connected`, { hint: `Connect to it with \`macula peers connect ${nodeId}\`.` });
    const rttMs = await session.ping(options);
    const { route } = session.connection;
    return { rttMs, path: route.kind, via: route.kind === 'direct' ? formatAddress(route.address) : route.relay };
  }

  /**
   * Trusts a node again: an id is taken off the deny list; for a URL the id remembered is forgotten, and the one the node
   * there shows now is remembered instead.
   * @returns the id trusted, undefined when nobody answers at the URL now, and whether it is remembered for it
   */
  async trust(target: string, signal?: AbortSignal): Promise<{ nodeId: NodeId | undefined; pinned: boolean }> {
    const pins = this.#parts.running('pins');
    const peers = this.#parts.running('peers');
    const nodeId = parseNodeId(target);
    if (nodeId !== undefined) {
      await pins.allow(nodeId);
      peers.retry(nodeId);
      return { nodeId, pinned: false };
    }
    const { url } = parsePeerUrl(target);
    await pins.unpin(url);
    try {
      const peer = await peers.startPeer(url, signal);
      return { nodeId: peer.nodeId, pinned: pins.pinned(url) !== undefined };
    } catch (error) {
      const { code } = MaculaError.from(error);
      if (code === 'MACULA_UNREACHABLE' || code === 'MACULA_TIMED_OUT') return { nodeId: undefined, pinned: false };
      throw error;
    }
  }

  /** Keeps a node out and ends its session; for a URL, forgets the id remembered. */
  async untrust(target: string): Promise<{ nodeId: NodeId | undefined }> {
    const pins = this.#parts.running('pins');
    const nodeId = parseNodeId(target);
    if (nodeId === undefined) {
      const { url } = parsePeerUrl(target);
      const pinned = pins.pinned(url);
      await pins.unpin(url);
      return { nodeId: pinned };
    }
    await pins.deny(nodeId);
    await this.#parts.running('sessions').get(nodeId)?.close(CloseCode.untrusted, 'marked untrusted by the operator');
    return { nodeId };
  }
}

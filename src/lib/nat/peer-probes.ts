import { LRUCache } from 'lru-cache';
import { addressScope, type SocketAddress } from '../base/address.js';
import type { Clock, Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import { TokenBucket } from '../base/token-bucket.js';
import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import type { Session, SessionManager } from '../session/session.js';
import { directAddress } from '../session/session-address.js';
import type { StunPort } from '../transport/stun-port.js';
import type { UdpSocket, UdpSocketFactory } from '../transport/udp-socket.js';
import { FrameType } from '../wire/frame-type.js';
import { natProbeReplyBody, natProbeViaBody, readNatProbe, readNatProbeReply, readNatProbeVia, type NatProbe, type NatProbeReply, type NatProbeVia } from '../wire/nat-messages.js';
import { bindingMethod, decodeStun, encodeStun } from './stun-message.js';
import type { StunResponder } from './stun-responder.js';

/** How long the second socket stays open after its last use: a discovery takes a few seconds. */
const otherSocketMs = 30_000;
/** Enough for the few packets of a probe. */
const bufferBytes = 65_536;
/** Probes one peer may ask for at once, and a second: a discovery asks for about ten. */
const probesPerPeer = { burst: 20, perSecond: 2 };
/** Peers whose probes are counted; whoever is forgotten starts with a full bucket. */
const maxPeers = 1024;
/** A node that is asked to send for another answers within a round trip. */
const viaTimeoutMs = 2000;

export interface PeerProbesComponents {
  readonly sessions: Pick<SessionManager, 'handle' | 'list'>;
  /** The node's own socket. */
  readonly stun: StunPort;
  readonly responder: StunResponder;
  readonly openSocket: UdpSocketFactory;
  readonly clock: Clock;
  readonly random: RandomSource;
}

export interface PeerProbesStats {
  readonly sent: number;
  readonly refused: number;
}

/**
 * Sends STUN responses on behalf of admitted nodes, which is what CHANGE-REQUEST is for (RFC 5780): from a second port of this
 * node, or from a third node. A node can have them sent to its own host alone; the third node trusts the one in between for
 * that, sends one packet of 32 or 44 bytes for a request that is longer, and limits how many.
 */
export class PeerProbes {
  readonly #components: PeerProbesComponents;
  readonly #host: string;
  readonly #buckets = new LRUCache<NodeId, TokenBucket>({ max: maxPeers });
  #other: Promise<UdpSocket> | undefined;
  #otherTimer: Timer | undefined;
  #sent = 0;
  #refused = 0;

  /** @param host IP address to bind; empty means all */
  constructor(components: PeerProbesComponents, host: string) {
    this.#components = components;
    this.#host = host;
  }

  /** Begins to serve; once per session manager. */
  start(): void {
    const { sessions } = this.#components;
    sessions.handle(FrameType.natProbe, FrameType.natProbeReply, async (body, { session }) => natProbeReplyBody(await this.#probe(readNatProbe(body), session)));
    sessions.handle(FrameType.natProbeVia, FrameType.natProbeReply, (body, { session }) => natProbeReplyBody(this.#sendFor(readNatProbeVia(body), session)));
  }

  async stop(): Promise<void> {
    this.#otherTimer?.cancel();
    const other = this.#other;
    this.#other = undefined;
    await (await other)?.close();
  }

  stats(): PeerProbesStats {
    return { sent: this.#sent, refused: this.#refused };
  }

  async #probe({ sender, transactionId, target }: NatProbe, session: Session): Promise<NatProbeReply> {
    this.#admit(session);
    const from = directAddress(session);
    // Only the asking node's own host, whatever it claims.
    if (sender !== 'none' && from?.host !== target.host) return this.#refuse();
    const socket = await this.#otherSocket();
    const otherPort = socket.addresses[0]!.port;
    if (sender === 'none') return { sent: false, otherPort };
    if (sender === 'node') return { sent: await this.#sendVia({ transactionId, target }, session), otherPort };
    const native = socket.native(target.host);
    if (native === undefined) return this.#refuse();
    const bytes = Buffer.from(response(transactionId, target));
    socket.send(bytes, bytes.length, native, target.port, () => undefined);
    this.#sent += 1;
    return { sent: true, otherPort };
  }

  /** Another peer sends it: one that the asking node sees at another address than this node, as far as can be known. */
  async #sendVia(probe: NatProbeVia, asking: Session): Promise<boolean> {
    const { sessions, random } = this.#components;
    const scope = addressScope(probe.target.host);
    const able = sessions.list().filter((session) => {
      const host = directAddress(session)?.host;
      const isOther = session.nodeId !== asking.nodeId && host !== undefined && host !== probe.target.host;
      return isOther && addressScope(host) === scope && host.includes(':') === probe.target.host.includes(':');
    });
    // Two tries: the first chosen may be of an older version, or gone.
    for (let tries = 0; tries < 2 && able.length > 0; tries++) {
      const [chosen] = able.splice(random.integer(able.length), 1);
      try {
        const reply = readNatProbeReply(await chosen!.request(FrameType.natProbeVia, natProbeViaBody(probe), { timeoutMs: viaTimeoutMs }));
        if (reply.sent) return true;
      } catch {
        // Another one is asked.
      }
    }
    return false;
  }

  #sendFor({ transactionId, target }: NatProbeVia, session: Session): NatProbeReply {
    this.#admit(session);
    const asking = directAddress(session);
    // From afar nobody is sent to inside.
    if (asking === undefined || addressScope(target.host) !== addressScope(asking.host)) return this.#refuse();
    const sent = this.#components.stun.send(response(transactionId, target), target);
    if (sent) this.#sent += 1;
    return { sent, otherPort: 0 };
  }

  #refuse(): NatProbeReply {
    this.#refused += 1;
    return { sent: false, otherPort: 0 };
  }

  #admit({ nodeId }: Session): void {
    let bucket = this.#buckets.get(nodeId);
    if (!bucket) this.#buckets.set(nodeId, (bucket = new TokenBucket(probesPerPeer.burst, probesPerPeer.perSecond)));
    if (bucket.take(this.#components.clock.nowMs())) return;
    this.#refused += 1;
    throw new MaculaError('MACULA_OVERLOADED', 'too many NAT probes', { details: { perSecond: probesPerPeer.perSecond } });
  }

  /** The second socket, opened when it is first wanted; it answers STUN as the first does. */
  #otherSocket(): Promise<UdpSocket> {
    this.#otherTimer?.cancel();
    this.#otherTimer = this.#components.clock.setTimer(otherSocketMs, () => void this.stop());
    this.#other ??= this.#openOther();
    return this.#other;
  }

  async #openOther(): Promise<UdpSocket> {
    const socket = await this.#components.openSocket({ host: this.#host, port: 0, bufferBytes });
    socket.onError(() => undefined);
    socket.onMessage((packet, host, port) => {
      const request = port === 0 ? undefined : decodeStun(packet);
      const answer = request && this.#components.responder.answer(request, { host: socket.canonical(host), port });
      if (answer instanceof Uint8Array) socket.send(Buffer.from(answer), answer.length, host, port, () => undefined);
    });
    return socket;
  }
}

function response(transactionId: string, target: SocketAddress): Uint8Array {
  return encodeStun({ class: 'success', method: bindingMethod, transactionId, xorMappedAddress: target });
}

import type { Timer } from '../base/clock.js';
import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { NodeId } from '../identity/node-id.js';
import type { Session, SessionEvents } from '../session/session.js';
import { directAddress } from '../session/session-address.js';
import type { Connection } from '../transport/endpoint.js';
import { relayIdKey } from '../transport/relay-transport.js';
import { FrameType } from '../wire/frame-type.js';
import { readRelayOpen, readRelayPeer, readRelayReserve, relayCloseBody, relayIncomingBody, relayOpenReplyBody, relayPeerReplyBody, relayReserveReplyBody } from '../wire/relay-messages.js';
import type { RelayPorts } from './ports.js';
import { RelayCore, type EndedSession, type RelayCoreStats, type RelayEnd, type RelayRefusal, type RelaySession, type RelaySettings } from './relay-core.js';

export interface RelayServerEvents {
  reserved: { readonly nodeId: NodeId };
  opened: { readonly sessionId: string; readonly from: NodeId; readonly to: NodeId };
  closed: { readonly sessionId: string; readonly reason: RelayEnd; readonly bytes: number };
  refused: { readonly nodeId: NodeId; readonly reason: RelayRefusal };
}

/** One end of a session: where its datagrams come from, and the connection by which it is reached. */
interface End {
  readonly nodeId: NodeId;
  connection: Connection;
  /** Source last recognised, as the socket writes it. */
  host: string;
  port: number;
}

interface Forwarding {
  readonly session: RelaySession;
  readonly ends: readonly [End, End];
}

/** How often sessions and reservations are looked through: their limits are minutes and hours. */
const sweepIntervalMs = 5000;

const problems: Readonly<Record<RelayRefusal, string>> = {
  disabled: 'this node does not relay',
  reservations: 'this relay holds as many reservations as it may',
  'no-reservation': 'the node asked for holds no reservation here',
  sessions: 'this relay carries as many sessions as it may',
  'sessions-of-peer': 'one of the two nodes has as many sessions here as it may',
  'no-session': 'the node is no end of such a session',
  'not-direct': 'a relay serves only nodes it reaches directly',
  requests: 'this relay is asked too often',
};

/**
 * Relays for others: grants reservations, opens sessions, and passes datagrams on between their two ends. Nothing is
 * passed on that did not come from where an admitted peer's own connection to this node runs.
 */
export class RelayServer implements Service {
  readonly #ports: RelayPorts;
  readonly #settings: RelaySettings;
  readonly #events = new Emitter<RelayServerEvents>();
  readonly #forwardings = new Map<string, Forwarding>();
  #core: RelayCore;
  #unsubscribe: (() => void)[] = [];
  #timer: Timer | undefined;
  #isRunning = false;

  constructor(ports: RelayPorts, settings: RelaySettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#core = new RelayCore(ports, settings);
  }

  /** To be started once per session manager: it takes a handler only once. */
  async start(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { sessions, transport } = this.#ports;
    sessions.handle(FrameType.relayReserve, FrameType.relayReserveReply, (body, { session }) => this.#reserve(body, session));
    sessions.handle(FrameType.relayOpen, FrameType.relayOpenReply, (body, { session }) => this.#open(body, session));
    sessions.handle(FrameType.relayPeer, FrameType.relayPeerReply, (body, { session }) => this.#locate(body, session));
    this.#unsubscribe = [sessions.on('opened', (session) => this.#opened(session)), sessions.on('closed', (event) => this.#closed(event))];
    transport.onRelayed(this.#forward);
    this.#scheduleSweep();
  }

  /** Ends all sessions and tells both ends. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#ports.transport.onRelayed(undefined);
    this.#timer?.cancel();
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#endAll(this.#core.stop());
    this.#core = new RelayCore(this.#ports, this.#settings);
  }

  on<Name extends keyof RelayServerEvents>(name: Name, listener: (value: RelayServerEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  stats(): RelayCoreStats {
    return this.#core.stats();
  }

  /** An end is done with a session. Returns whether it was one of its sessions here. */
  closedBy(nodeId: NodeId, sessionId: string): boolean {
    const ended = this.#core.close(sessionId, nodeId);
    if (ended) this.#end(ended, nodeId);
    return ended !== undefined;
  }

  #reserve(body: unknown, session: Session): unknown {
    readRelayReserve(body);
    const { nodeId } = session;
    const problem = this.#isDirect(session) ? this.#core.reserve(nodeId, this.#nowMs()) : this.#core.refuse('not-direct');
    if (problem) throw this.#refusal(nodeId, problem);
    this.#keep();
    this.#events.emit('reserved', { nodeId });
    return relayReserveReplyBody(Math.max(1, Math.floor(this.#settings.relayReservationMs / 1000)));
  }

  #open(body: unknown, session: Session): unknown {
    const to = readRelayOpen(body);
    const from = session.nodeId;
    const target = this.#ports.sessions.get(to);
    if (!this.#isDirect(session) || (target && !this.#isDirect(target))) throw this.#refusal(from, this.#core.refuse('not-direct'));
    if (!target) throw this.#refusal(from, this.#core.refuse('no-reservation'));
    const decision = this.#core.open(from, to, this.#nowMs());
    this.#endAll(decision.ended);
    if (decision.kind === 'refused') throw this.#refusal(from, decision.reason);
    const { id } = decision.session;
    const ends = [endOf(session), endOf(target)] as const;
    this.#forwardings.set(relayIdKey(id), { session: decision.session, ends });
    // Told before the asker knows: what it sends at once then finds the other end prepared.
    target.notify(FrameType.relayIncoming, relayIncomingBody({ sessionId: id, nodeId: from }));
    this.#keep();
    this.#events.emit('opened', { sessionId: id, from, to });
    return relayOpenReplyBody(id);
  }

  /** Each end may know where the other is seen: before it sends many probes there, somebody else has to say so. */
  #locate(body: unknown, session: Session): unknown {
    const other = this.#core.otherEnd(readRelayPeer(body), session.nodeId, this.#nowMs());
    if ('refused' in other) throw this.#refusal(session.nodeId, other.refused);
    const peer = this.#ports.sessions.get(other.nodeId);
    const address = peer && directAddress(peer);
    if (!address) throw this.#refusal(session.nodeId, this.#core.refuse('not-direct'));
    return relayPeerReplyBody(address);
  }

  readonly #forward = (idKey: string, datagram: Buffer, host: string, port: number): string | undefined => {
    const forwarding = this.#forwardings.get(idKey);
    if (!forwarding) return 'relay-session';
    const { ends, session } = forwarding;
    const from = ends[0].port === port && ends[0].host === host ? 0 : ends[1].port === port && ends[1].host === host ? 1 : this.#recognise(ends, host, port);
    if (from === undefined) return 'relay-source';
    const problem = this.#core.charge(session.id, from, datagram.length, this.#nowMs());
    if (problem) return problem;
    return this.#ports.transport.passOn(ends[from === 0 ? 1 : 0].connection, datagram) ? undefined : 'relay-target';
  };

  /** Which end a new source is; one that neither proved makes both be asked on their own connections. */
  #recognise(ends: Forwarding['ends'], host: string, port: number): 0 | 1 | undefined {
    const { transport } = this.#ports;
    for (const index of [0, 1] as const) {
      const end = ends[index];
      if (!transport.comesFrom(end.connection, host, port)) continue;
      end.host = host;
      end.port = port;
      return index;
    }
    for (const { connection } of ends) transport.suspect(connection, host, port);
    return undefined;
  }

  #isDirect(session: Session): boolean {
    return session.connection.route.kind === 'direct';
  }

  #refusal(nodeId: NodeId, reason: RelayRefusal): MaculaError {
    this.#events.emit('refused', { nodeId, reason });
    return new MaculaError('MACULA_RELAY_REFUSED', problems[reason], { details: { reason } });
  }

  /** Another connection with the peer is in use from now on. */
  #opened(session: Session): void {
    for (const { ends } of this.#forwardings.values()) {
      for (const end of ends) if (end.nodeId === session.nodeId) Object.assign(end, endOf(session));
    }
  }

  #closed({ session }: SessionEvents['closed']): void {
    const other = this.#ports.sessions.get(session.nodeId);
    if (!other || other.isClosed) this.#endAll(this.#core.gone(session.nodeId));
  }

  #endAll(ended: readonly EndedSession[]): void {
    for (const one of ended) this.#end(one);
  }

  /** @param except the end that knows already */
  #end({ session, reason }: EndedSession, except?: NodeId): void {
    this.#forwardings.delete(relayIdKey(session.id));
    for (const nodeId of session.ends) {
      if (nodeId !== except) this.#ports.sessions.get(nodeId)?.notify(FrameType.relayClose, relayCloseBody({ sessionId: session.id, reason }));
    }
    this.#events.emit('closed', { sessionId: session.id, reason, bytes: session.bytes });
  }

  /** A connection that only relaying needs looks unused to everybody else. */
  #keep(): void {
    this.#ports.keep('relayed for', this.#core.served);
  }

  #scheduleSweep(): void {
    this.#timer = this.#ports.clock.setTimer(sweepIntervalMs, () => {
      this.#endAll(this.#core.sweep(this.#nowMs()));
      this.#keep();
      this.#scheduleSweep();
    });
  }

  #nowMs(): number {
    return this.#ports.clock.nowMs();
  }
}

function endOf({ nodeId, connection }: Session): End {
  return { nodeId, connection, host: '', port: 0 };
}

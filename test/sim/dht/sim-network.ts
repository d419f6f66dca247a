import { seededRandom, type RandomSource } from '../../../src/lib/base/random.js';
import type { DhtEffect } from '../../../src/lib/dht/dht-events.js';
import type { DhtOperation, DhtResult } from '../../../src/lib/dht/dht-operations.js';
import type { DhtReply, DhtRequest, RequestFailure } from '../../../src/lib/dht/dht-requests.js';
import { convergedTable, trueClosest } from './converged-tables.js';
import { EventQueue } from './event-queue.js';
import { exponential, handshakeRoundTrips, messageLatencyMs, pairLatencyMs, type NetworkModel } from './network-model.js';
import { hostOf, settings, SimNode, type Behaviour } from './sim-node.js';
import { TraceHash } from './trace-hash.js';

export interface SimOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly model: NetworkModel;
  /** Which of the first nodes are not honest. */
  readonly behaviour?: (index: number) => Behaviour;
  /** Mean life of a node, ms; a new one takes the place of each that ends. */
  readonly meanLifeMs?: number;
  /** Begin with tables made from global knowledge; otherwise the nodes join by the protocol, one after another. */
  readonly converged: boolean;
}

/** After so long without a sign of life, a connection is dead (three keepalives). */
const connectionDeathMs = 45_000;
const wallStartMs = Date.UTC(2026, 0, 1);
/** Pause between joins of a network that forms by the protocol. */
const joinPauseMs = 200;

interface Received {
  readonly from: SimNode;
  readonly to: SimNode;
  readonly requestId: number;
}

/** Thousands of nodes on one thread under virtual time. Everything follows from the seed. */
export class SimNetwork {
  readonly queue = new EventQueue();
  readonly nodes: SimNode[] = [];
  readonly byId = new Map<string, SimNode>();
  readonly live: SimNode[] = [];
  readonly random: RandomSource;
  readonly trace = new TraceHash();
  readonly options: SimOptions;
  /** Messages and bytes sent since {@link resetCounters}. */
  messages = 0;
  bytes = 0;
  deaths = 0;
  partitioned = false;
  /** Nodes Sybils name instead of honest ones. */
  sybils: SimNode[] = [];
  readonly #received = new Map<number, Received>();
  readonly #operations = new Map<number, (result: DhtResult) => void>();
  #nextReply = 1;
  #nextOperation = 1;
  readonly #clock = { wallMs: () => wallStartMs + this.queue.nowMs };

  constructor(options: SimOptions) {
    this.options = options;
    this.random = seededRandom(options.seed);
    for (let index = 0; index < options.nodes; index++) this.#create(options.behaviour?.(index) ?? 'honest');
    if (options.converged) this.#converge();
    else this.live.forEach((node, position) => this.queue.at(position * joinPauseMs, () => this.#join(node)));
  }

  get nowMs(): number {
    return this.queue.nowMs;
  }

  honest(): SimNode[] {
    return this.live.filter(({ behaviour }) => behaviour === 'honest');
  }

  randomHonest(): SimNode {
    for (;;) {
      const node = this.live[this.random.integer(this.live.length)]!;
      if (node.behaviour === 'honest' && node.core) return node;
    }
  }

  /** Adds Sybils of one network, their ids ground near `target`, known to whoever lets them into its table. */
  addSybils(count: number, host: string, target: (index: number) => Uint8Array | undefined): void {
    for (let index = 0; index < count; index++) {
      const node = new SimNode(this.nodes.length, this.options.seed, 'sybil', host, target(index));
      this.#enter(node);
    }
    this.#converge();
  }

  operate(node: SimNode, operation: DhtOperation, done: (result: DhtResult) => void): void {
    const operationId = this.#nextOperation++;
    this.#operations.set(operationId, done);
    this.#carryOut(node, node.core!.handle({ type: 'operation', operationId, operation }, this.nowMs));
  }

  /** Runs one operation to its end. @throws when it has none within a virtual minute */
  finish<Result extends DhtResult>(node: SimNode, operation: DhtOperation): Result {
    let result: DhtResult | undefined;
    this.operate(node, operation, (outcome) => (result = outcome));
    this.queue.run(this.nowMs + 60_000, () => result !== undefined);
    if (!result) throw new Error(`${operation.type} did not end within a minute (seed ${this.options.seed})`);
    return result as Result;
  }

  run(forMs: number): void {
    this.queue.run(this.nowMs + forMs);
  }

  resetCounters(): void {
    this.messages = 0;
    this.bytes = 0;
  }

  kill(node: SimNode): void {
    if (!node.alive) return;
    this.deaths++;
    node.alive = false;
    node.core = undefined;
    this.live.splice(this.live.indexOf(node), 1);
    this.byId.delete(node.contact.nodeId);
    for (const index of node.connections) {
      const peer = this.nodes[index]!;
      if (!peer.kept.has(node.index)) continue;
      this.queue.at(this.nowMs + connectionDeathMs * (0.7 + 0.3 * this.random.float()), () => this.#disconnect(peer, node));
    }
  }

  /** A new node joins through three random ones. */
  replace(): SimNode {
    const node = this.#create('honest');
    this.#join(node);
    return node;
  }

  #create(behaviour: Behaviour): SimNode {
    const index = this.nodes.length;
    const node = new SimNode(index, this.options.seed, behaviour, hostOf(index));
    this.#enter(node);
    return node;
  }

  #enter(node: SimNode): void {
    this.nodes.push(node);
    this.live.push(node);
    this.byId.set(node.contact.nodeId, node);
    if (node.behaviour === 'sybil') this.sybils.push(node);
  }

  #converge(): void {
    const sorted = [...this.live].sort((a, b) => (a.contact.nodeId < b.contact.nodeId ? -1 : 1));
    for (const node of this.live) {
      if (node.behaviour !== 'honest') continue;
      node.start(this.#clock, convergedTable(node, sorted, this.random));
      this.#carryOut(node, node.core!.handle({ type: 'start', contacts: [], stored: [] }, this.nowMs));
      this.#scheduleDeath(node);
    }
  }

  #join(node: SimNode): void {
    if (!node.alive || node.behaviour !== 'honest') return;
    const candidates = this.live.filter(({ core }) => core !== undefined);
    const seeds = Array.from({ length: Math.min(3, candidates.length) }, () => candidates[this.random.integer(candidates.length)]!.contact);
    node.startedMs = this.nowMs;
    node.start(this.#clock);
    this.#carryOut(node, node.core!.handle({ type: 'start', contacts: seeds, stored: [] }, this.nowMs));
    this.#scheduleDeath(node);
  }

  #scheduleDeath(node: SimNode): void {
    if (this.options.meanLifeMs === undefined) return;
    this.queue.at(this.nowMs + exponential(this.options.meanLifeMs, this.random), () => {
      this.kill(node);
      this.replace();
    });
  }

  #wake(node: SimNode): void {
    const deadlineMs = node.core?.nextDeadline() ?? Infinity;
    if (deadlineMs >= node.wakeMs || deadlineMs === Infinity) return;
    node.wakeMs = deadlineMs;
    this.queue.at(deadlineMs, () => {
      if (node.wakeMs !== deadlineMs) return;
      node.wakeMs = Infinity;
      if (node.core) this.#carryOut(node, node.core.handleTimeout(this.nowMs));
    });
  }

  #carryOut(node: SimNode, effects: readonly DhtEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'request':
          this.#request(node, effect.requestId, effect.contact.nodeId, effect.request, effect.timeoutMs);
          break;
        case 'reply':
          this.#reply(effect.replyTo, effect.reply);
          break;
        case 'write':
          if (node.core) this.#carryOut(node, node.core.handle({ type: 'written', writeId: effect.writeId }, this.nowMs));
          break;
        case 'finished': {
          const done = this.#operations.get(effect.operationId);
          this.#operations.delete(effect.operationId);
          done?.(effect.result);
          break;
        }
        case 'keep-connected':
          node.kept = new Set(effect.nodeIds.flatMap((nodeId) => this.byId.get(nodeId)?.index ?? []));
          break;
        case 'remove':
          break;
      }
    }
    this.#wake(node);
  }

  #request(node: SimNode, requestId: number, nodeId: string, request: DhtRequest, timeoutMs: number): void {
    const target = this.byId.get(nodeId);
    this.#count(requestBytes(request));
    const reachable = target && (!this.partitioned || target.side === node.side);
    if (!reachable || target.behaviour === 'silent') {
      const failure: RequestFailure = target?.behaviour === 'silent' ? 'timed-out' : 'unreachable';
      this.queue.at(this.nowMs + timeoutMs, () => this.#fail(node, requestId, failure));
      return;
    }
    let delayMs = messageLatencyMs(this.options.model, node.index, target.index, this.random);
    if (!node.connections.has(target.index)) {
      delayMs += handshakeRoundTrips * 2 * pairLatencyMs(this.options.model, node.index, target.index);
    }
    this.trace.add(this.nowMs, node.index, target.index, requestKinds[request.type]);
    if (delayMs > timeoutMs) {
      this.queue.at(this.nowMs + timeoutMs, () => this.#fail(node, requestId, 'timed-out'));
      return;
    }
    this.queue.at(this.nowMs + delayMs, () => this.#deliver({ from: node, to: target, requestId }, request, timeoutMs - delayMs));
  }

  #deliver(received: Received, request: DhtRequest, leftMs: number): void {
    const { from, to, requestId } = received;
    if (!from.alive) return;
    if (!to.alive || (this.partitioned && from.side !== to.side)) {
      this.queue.at(this.nowMs + leftMs, () => this.#fail(from, requestId, 'timed-out'));
      return;
    }
    this.#connect(from, to);
    const replyTo = this.#nextReply++;
    this.#received.set(replyTo, received);
    if (to.behaviour === 'sybil') this.#reply(replyTo, this.#lie(request));
    else if (to.core) this.#carryOut(to, to.core.handle({ type: 'request-received', replyTo, from: from.contact, request }, this.nowMs));
    else this.#fail(from, requestId, 'closed');
  }

  /** What a Sybil says: it has nothing, keeps everything, and knows only its like. */
  #lie(request: DhtRequest): DhtReply {
    if (request.type === 'store') return { type: 'stored' };
    const target = request.type === 'find-node' ? request.target : request.key;
    const start = this.random.integer(this.sybils.length);
    const some = Array.from({ length: Math.min(this.sybils.length, 400) }, (_, offset) => this.sybils[(start + offset) % this.sybils.length]!);
    const contacts = trueClosest(some, target, settings.dhtBucketSize, () => true).map(({ contact }) => contact);
    return request.type === 'find-node' ? { type: 'contacts', contacts } : { type: 'records', records: [], total: 0, contacts };
  }

  #reply(replyTo: number, reply: DhtReply): void {
    const received = this.#received.get(replyTo);
    this.#received.delete(replyTo);
    if (!received) return;
    const { from, to, requestId } = received;
    this.#count(replyBytes(reply));
    this.trace.add(this.nowMs, to.index, from.index, 9);
    const delayMs = messageLatencyMs(this.options.model, to.index, from.index, this.random);
    this.queue.at(this.nowMs + delayMs, () => {
      if (!from.core) return;
      this.#carryOut(from, from.core.handle({ type: 'reply-received', requestId, reply }, this.nowMs));
    });
  }

  #fail(node: SimNode, requestId: number, failure: RequestFailure): void {
    if (node.core) this.#carryOut(node, node.core.handle({ type: 'request-failed', requestId, failure }, this.nowMs));
  }

  #connect(a: SimNode, b: SimNode): void {
    for (const [node, peer] of [[a, b], [b, a]] as const) {
      const known = node.connections.delete(peer.index);
      node.connections.add(peer.index);
      if (!known && node.core) this.#carryOut(node, node.core.handle({ type: 'peer-opened', contact: peer.contact }, this.nowMs));
      if (node.connections.size <= this.options.model.connections) continue;
      for (const oldest of node.connections) {
        if (node.kept.has(oldest)) continue;
        this.#disconnect(node, this.nodes[oldest]!);
        this.#disconnect(this.nodes[oldest]!, node);
        break;
      }
    }
  }

  #disconnect(node: SimNode, peer: SimNode): void {
    if (!node.connections.delete(peer.index) || !node.core) return;
    this.#carryOut(node, node.core.handle({ type: 'peer-closed', nodeId: peer.contact.nodeId }, this.nowMs));
  }

  #count(bytes: number): void {
    this.messages++;
    this.bytes += bytes;
  }
}

const requestKinds: Readonly<Record<DhtRequest['type'], number>> = { 'find-node': 1, 'find-value': 2, 'find-providers': 3, store: 4 };
/** Frame, packet and encryption around a message, and an id or a contact in it. */
const envelopeBytes = 60;
const idSize = 34;
const contactSize = 60;

function requestBytes(request: DhtRequest): number {
  return envelopeBytes + (request.type === 'store' ? request.record.payload.length + request.record.signature.length : idSize);
}

function replyBytes(reply: DhtReply): number {
  let bytes = envelopeBytes;
  if ('contacts' in reply) bytes += reply.contacts.length * contactSize;
  const records = reply.type === 'records' ? reply.records : reply.type === 'newer' ? [reply.record] : [];
  for (const record of records) bytes += record.payload.length + record.signature.length;
  return bytes;
}

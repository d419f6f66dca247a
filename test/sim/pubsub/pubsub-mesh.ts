import { onceAborted } from '../../../src/lib/base/abort.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { seededRandom, type RandomSource } from '../../../src/lib/base/random.js';
import type { NodeId } from '../../../src/lib/identity/node-id.js';
import { LocalSubscriptions } from '../../../src/lib/pubsub/local-subscriptions.js';
import type { PeerMessageHandler, PubSubTransport, TopicDirectory } from '../../../src/lib/pubsub/ports.js';
import { PubSub } from '../../../src/lib/pubsub/pubsub.js';
import type { PubSubGap, PubSubMessage, PubSubSettings } from '../../../src/lib/pubsub/pubsub-types.js';
import type { FrameType } from '../../../src/lib/wire/frame-type.js';
import { decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';
import { fakeSigner, fakeVerify } from '../../support/fake-signer.js';
import { VirtualClock } from '../../support/virtual-clock.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';

/** What the network does to each request. */
export interface Conditions {
  /** Share of requests that never arrive, of answers that never arrive, and of requests that arrive twice. */
  readonly lost: number;
  readonly repeated: number;
  /** One way, milliseconds; what is sent later can arrive earlier. */
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

export const goodNetwork: Conditions = { lost: 0, repeated: 0, minDelayMs: 5, maxDelayMs: 5 };

/** A node of the mesh and what a program on it got. */
export interface MeshNode {
  readonly nodeId: NodeId;
  readonly pubsub: PubSub;
  readonly local: LocalSubscriptions;
  readonly messages: PubSubMessage[];
  readonly gaps: PubSubGap[];
  readonly handlers: Map<FrameType, { readonly replyType: FrameType; readonly handler: PeerMessageHandler }>;
  readonly listeners: Set<Parameters<PubSubTransport['listen']>[0]>;
  isAlive: boolean;
  /** Alters the bodies of the requests it sends. */
  tamper: ((type: FrameType, body: unknown) => unknown) | undefined;
}

/** Publish/subscribe of many nodes on a virtual clock and a network as bad as wanted; equal seeds give equal runs. */
export class PubSubMesh {
  readonly clock = new VirtualClock();
  readonly nodes: MeshNode[] = [];
  conditions = goodNetwork;
  /** Requests sent, by sender and receiver. */
  readonly sent: { readonly from: NodeId; readonly to: NodeId; readonly type: FrameType }[] = [];
  readonly #random: RandomSource;
  readonly #names = new Map<string, Set<NodeId>>();

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  async add(settings: Partial<PubSubSettings> = {}): Promise<MeshNode> {
    const signer = fakeSigner(`mesh ${this.nodes.length}`);
    const all = { ...defaultSettings(), ...settings };
    const local = new LocalSubscriptions({ logger: silentLogger }, all);
    const handlers: MeshNode['handlers'] = new Map();
    const listeners: MeshNode['listeners'] = new Set();
    const ports = { nodeId: signer.nodeId, realmId: Buffer.alloc(32, 1), signer, verify: fakeVerify, clock: this.clock, random: this.#random, logger: silentLogger };
    const pubsub = new PubSub({ ...ports, local, transport: this.#transport(signer.nodeId, handlers, listeners), directory: this.#directory(signer.nodeId) }, all);
    const node: MeshNode = { nodeId: signer.nodeId, pubsub, local, messages: [], gaps: [], handlers, listeners, isAlive: true, tamper: undefined };
    this.nodes.push(node);
    await pubsub.start();
    return node;
  }

  /** Subscribes a node to a topic and waits until publishers know. */
  async subscribe(node: MeshNode, topic: string): Promise<void> {
    node.local.add(topic, { onGap: (gap) => void node.gaps.push(gap) }, (message) => void node.messages.push(message));
    await this.until(node.pubsub.ready(topic));
  }

  /** Lets time pass until the promise settles. */
  async until<Result>(promise: Promise<Result>, limitMs = 120_000): Promise<Result> {
    let isSettled = false;
    void promise.catch(() => undefined).finally(() => (isSettled = true));
    await this.clock.advanceUntil(() => isSettled, limitMs);
    return promise;
  }

  /** Ends all sessions of a node, as when its network goes; requests to it fail until {@link reconnect}. */
  disconnect(node: MeshNode): void {
    node.isAlive = false;
    this.#tell((listener, nodeId) => listener.closed(nodeId), node);
  }

  reconnect(node: MeshNode): void {
    node.isAlive = true;
    this.#tell((listener, nodeId) => listener.opened(nodeId), node);
  }

  async stop(): Promise<void> {
    for (const { pubsub } of this.nodes) await this.until(pubsub.stop());
  }

  #tell(call: (listener: Parameters<PubSubTransport['listen']>[0], nodeId: NodeId) => void, node: MeshNode): void {
    for (const other of this.nodes) {
      if (other === node) continue;
      for (const listener of other.listeners) call(listener, node.nodeId);
      for (const listener of node.listeners) call(listener, other.nodeId);
    }
  }

  #transport(from: NodeId, handlers: MeshNode['handlers'], listeners: MeshNode['listeners']): PubSubTransport {
    return {
      request: (to, type, body, { timeoutMs, signal }) => this.#request(from, to, type, body, timeoutMs, signal),
      serve: (type, replyType, handler) => void handlers.set(type, { replyType, handler }),
      listen: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      connected: () => [],
      keep: () => undefined,
      addressesOf: () => [],
    };
  }

  #directory(nodeId: NodeId): TopicDirectory {
    return {
      announce: async (name) => void this.#under(name).add(nodeId),
      withdraw: async (name) => void this.#under(name).delete(nodeId),
      find: async (name) => [...this.#under(name)],
    };
  }

  #under(name: string): Set<NodeId> {
    let nodeIds = this.#names.get(name);
    if (!nodeIds) this.#names.set(name, (nodeIds = new Set()));
    return nodeIds;
  }

  #request(from: NodeId, to: NodeId, type: FrameType, body: unknown, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    const [sender, receiver] = [this.#node(from), this.#node(to)];
    this.sent.push({ from, to, type });
    const bytes = encodeBody(sender.tamper ? sender.tamper(type, body) : body);
    return new Promise((resolve, reject) => {
      const timer = this.clock.setTimer(timeoutMs, () => end(() => reject(new MaculaError('MACULA_TIMED_OUT', 'no answer'))));
      const onAbort = (): void => end(() => reject(new MaculaError('MACULA_ABORTED', 'aborted')));
      const end = (settle: () => void): void => {
        timer.cancel();
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      if (signal?.aborted) return onAbort();
      if (signal) onceAborted(signal, onAbort);
      const deliver = (): void => {
        if (!sender.isAlive || !receiver.isAlive) return end(() => reject(new MaculaError('MACULA_UNREACHABLE', 'gone')));
        const answer = (settle: () => void): void => this.#later(() => end(settle));
        new Promise((done) => done(receiver.handlers.get(type)!.handler(decodeBody(bytes), from))).then(
          (reply) => answer(() => (receiver.isAlive ? resolve(decodeBody(encodeBody(reply))) : reject(new MaculaError('MACULA_CONNECTION_CLOSED', 'gone')))),
          (error: unknown) => answer(() => reject(MaculaError.from(error))),
        );
      };
      this.#later(deliver);
      if (this.#random.float() < this.conditions.repeated) this.#later(deliver);
    });
  }

  /** After the time of one way, unless it is lost. */
  #later(work: () => void): void {
    const { lost, minDelayMs, maxDelayMs } = this.conditions;
    if (this.#random.float() < lost) return;
    this.clock.setTimer(minDelayMs + this.#random.float() * (maxDelayMs - minDelayMs), work);
  }

  #node(nodeId: NodeId): MeshNode {
    return this.nodes.find((node) => node.nodeId === nodeId)!;
  }
}

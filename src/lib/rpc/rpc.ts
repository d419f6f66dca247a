import { throwIfAborted } from '../base/abort.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import { FrameType } from '../wire/frame-type.js';
import { callPurpose, fetchPurpose } from '../wire/rpc-stream.js';
import { ByteBudget } from './byte-budget.js';
import type { CallCounts } from './call-counters.js';
import type { CallOptions, CallOutcome } from './call-options.js';
import type { CallStream, StreamOptions } from './call-stream.js';
import type { RpcComponents } from './ports.js';
import type { ProcedureRegistry } from './procedure-registry.js';
import { ProviderDirectory, type DirectorySettings } from './provider-directory.js';
import { HeldAnswers } from './held-answers.js';
import { LargeCalls } from './large-calls.js';
import { RpcClient, type RpcClientEvents, type RpcClientSettings } from './rpc-client.js';
import { RpcServer } from './rpc-server.js';
import { StreamClient } from './stream-client.js';
import { StreamServer } from './stream-server.js';

export type RpcSettings = RpcClientSettings & DirectorySettings & Pick<Settings, 'rpcMemoryBytes' | 'rpcMaxBodyBytes' | 'rpcBufferBytes' | 'maxFrameBytes'>;

/** A provider of a procedure as this node has come to know it. */
export interface KnownProvider {
  readonly nodeId: NodeId;
  /** Milliseconds; undefined before the first answer. */
  readonly rttMs: number | undefined;
  readonly inFlight: number;
  /** `open`: left alone after failures; `half-open`: the next call is a trial. */
  readonly circuit: 'closed' | 'open' | 'half-open';
}

export interface RpcStats {
  /** Calls this node makes. */
  readonly calls: CallCounts;
  /** Calls being served. */
  readonly serving: number;
  /** Idempotent calls this node remembers. */
  readonly remembered: number;
  /** Calls being served whose handlers watch their deadline. */
  readonly watched: number;
  /** Bytes of streams and large bodies that have come and were not taken yet. */
  readonly bufferedBytes: number;
}

/** Remote procedure calls of a node: serves those of its registry, and calls those of others. */
export class Rpc implements Service {
  readonly #components: RpcComponents & { readonly registry: ProcedureRegistry };
  readonly #server: RpcServer;
  readonly #directory: ProviderDirectory;
  readonly #client: RpcClient;
  readonly #budget: ByteBudget;
  readonly #held: HeldAnswers;
  readonly #streamServer: StreamServer;
  readonly #streams: StreamClient;
  #unlisten: (() => void)[] = [];
  #isRunning = false;

  constructor(components: RpcComponents & { readonly registry: ProcedureRegistry }, settings: RpcSettings) {
    this.#components = components;
    this.#server = new RpcServer(components, settings);
    this.#directory = new ProviderDirectory(components, settings);
    const { nodeId, transport, clock, random, logger } = components;
    const limits = { maxValueBytes: settings.maxFrameBytes, maxBodyBytes: settings.rpcMaxBodyBytes };
    this.#budget = new ByteBudget(settings.rpcBufferBytes);
    this.#held = new HeldAnswers({ clock, random, budget: this.#budget }, limits);
    const large = new LargeCalls({ transport, clock, budget: this.#budget }, limits);
    this.#client = new RpcClient({ ...components, directory: this.#directory, server: this.#server, large }, settings);
    this.#streamServer = new StreamServer({ server: this.#server, clock, logger, budget: this.#budget, ...limits });
    this.#streams = new StreamClient({ nodeId, transport, clock, client: this.#client, server: this.#streamServer, budget: this.#budget }, settings);
  }

  /** Serves what is registered and announces it; announcing goes on in the background. */
  async start(signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { registry, transport } = this.#components;
    transport.serve(FrameType.call, FrameType.reply, (body, context) => this.#server.serve(body, context), (reply, { session }) => this.#held.hold(reply, session.nodeId));
    transport.serveStreams(fetchPurpose, (header, stream, peer) => this.#held.accept(header, stream, peer));
    transport.serveStreams(callPurpose, (header, stream, peer) => this.#streamServer.accept(header, stream, peer));
    this.#unlisten = [
      registry.on('registered', ({ name }) => this.#directory.changed(name)),
      registry.on('unregistered', ({ name }) => this.#directory.changed(name)),
    ];
    for (const { name } of registry.announced()) void this.announce(name).catch(() => undefined);
  }

  /** Refuses new calls; those being served go on until the sessions end. The DHT withdraws what was announced when it stops. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    for (const remove of this.#unlisten.splice(0)) remove();
    this.#server.stop();
    this.#client.stop();
    this.#held.clear();
  }

  on<Name extends keyof RpcClientEvents>(name: Name, listener: (value: RpcClientEvents[Name]) => void): () => void {
    return this.#client.on(name, listener);
  }

  /** @throws MaculaError as RpcClient.call */
  call(procedure: string, args: unknown, options?: CallOptions): Promise<CallOutcome> {
    return this.#client.call(procedure, args, options);
  }

  /** @throws MaculaError as StreamClient.open */
  callStream(procedure: string, args: unknown, options?: StreamOptions): Promise<CallStream> {
    return this.#streams.open(procedure, args, options);
  }

  /**
   * Tells the mesh that this node serves the procedure; it goes on telling even where this fails for want of replicas.
   * @throws MaculaError as Dht.provide
   */
  async announce(procedure: string, signal?: AbortSignal): Promise<void> {
    try {
      await this.#components.providers.announce(procedure, signal);
    } catch (error) {
      this.#components.logger.warn('a procedure could not be announced at once; it is tried again', { procedure, error: MaculaError.from(error).message });
      throw error;
    }
  }

  /** @throws MaculaError MACULA_OVERLOADED, MACULA_ABORTED */
  withdraw(procedure: string, signal?: AbortSignal): Promise<void> {
    return this.#components.providers.withdraw(procedure, signal);
  }

  /** Looks up who serves a procedure, and tells what this node knows of each. @throws MaculaError MACULA_UNREACHABLE where nobody who might know answered, MACULA_ABORTED, MACULA_OVERLOADED */
  async providers(procedure: string, options: { fresh?: boolean; signal?: AbortSignal } = {}): Promise<KnownProvider[]> {
    const states = await this.#directory.find(procedure, options.fresh === true, options.signal);
    const nowMs = this.#components.clock.nowMs();
    return states.map(({ nodeId, rttMs, inFlight, breaker }) => ({ nodeId, rttMs, inFlight, circuit: breaker.state(nowMs) }));
  }

  stats(): RpcStats {
    return { calls: this.#client.counts(), serving: this.#components.registry.serving, remembered: this.#server.remembered, watched: this.#server.deadlines.size, bufferedBytes: this.#budget.bytes };
  }
}

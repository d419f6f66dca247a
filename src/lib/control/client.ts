import type { IncomingMessage } from 'node:http';
import { delay, throwIfAborted } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError, type ErrorJson } from '../base/errors.js';
import { isAlive } from '../base/process-table.js';
import { connectionFailure, notAnswering, notMacula, type ControlAddress } from './client-errors.js';
import { readJsonLines, readText, sendRequest } from './http-request.js';
import { readPid } from './process-id.js';
import { probeSocket } from './socket-probe.js';
import type {
  ConnectRequest, ConnectResult, DisconnectRequest, DisconnectResult, EffectiveConfig, NodeStatus, PeerList,
  PingRequest, PingResult, StopResult, TrustRequest, TrustResult, WaitResult,
} from './protocol.js';
import type { BenchEvent, BenchRequest } from './protocol-bench.js';
import type {
  DhtDeleteRequest, DhtGetRequest, DhtGetResult, DhtNodesResult, DhtProvidersRequest, DhtProvidersResult, DhtPutRequest, DhtStoreResult, DhtTraceRequest,
  DhtTraceResult,
} from './protocol-dht.js';
import type { MetricsResult } from './protocol-metrics.js';
import type { NatProbeRequest, NatProbeResult, PeerWhyRequest, PeerWhyResult } from './protocol-nat.js';
import type { PoolStatsResult } from './protocol-pool.js';
import type { PubSubEventLine, PubSubPublishRequest, PubSubPublishResult, PubSubSubscribeRequest } from './protocol-pubsub.js';
import type {
  RpcAnswerLine, RpcAnswerRequest, RpcAnswerResult, RpcAnswerStreamEvent, RpcAnswerStreamRequest, RpcCallRequest, RpcCallResult, RpcListResult, RpcProvidersRequest, RpcProvidersResult, RpcServeEvent, RpcServeRequest,
  RpcStreamEvent, RpcStreamRequest,
} from './protocol-rpc.js';

/** A request that says itself how long the node may work on it. */
type Timed<Request> = Request & { readonly timeoutMs: number };

export interface ControlClientSettings extends ControlAddress {
  /** How long the node may take to begin to answer what it can answer at once, milliseconds. */
  readonly timeoutMs: number;
  /** Version of Macula this client is part of, to tell skew. */
  readonly version: string;
}

interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  /** Values that follow the body. */
  readonly lines?: AsyncIterable<unknown>;
  /** What the node itself may take before it answers, on top of the time any answer may take. */
  readonly workMs?: number;
  readonly signal: AbortSignal | undefined;
}

/** A dial to learn an identity; the node bounds it by its own setting dialTimeoutMs, at most this. */
const trustWorkMs = 5 * 60_000;
/** Subscribing waits until publishers were told; the node bounds it by its own setting pubsubDiscoveryMs, at most this. */
const subscribeWorkMs = 60_000;
/** The peer may take so long to subscribe; the node bounds it. */
const benchPrepareMs = 15_000;
/** How often {@link ControlClient.stop} looks whether the node is gone. */
const stopPollMs = 50;

/**
 * Talks to a node over its control socket. All methods reject with MACULA_NO_NODE, MACULA_CONTROL_REFUSED,
 * MACULA_NODE_NOT_ANSWERING, MACULA_ABORTED or the node's own error. Results come without `schemaVersion`.
 */
export class ControlClient {
  readonly #clock: Clock;
  readonly #settings: ControlClientSettings;
  #serverVersion: string | undefined;

  constructor(components: { clock: Clock }, settings: ControlClientSettings) {
    this.#clock = components.clock;
    this.#settings = settings;
  }

  /** The node's version, known after its first answer. */
  get serverVersion(): string | undefined {
    return this.#serverVersion;
  }

  /** Whether the node answered and runs another version than this client. */
  get versionSkew(): boolean {
    return this.#serverVersion !== undefined && this.#serverVersion !== this.#settings.version;
  }

  status(signal?: AbortSignal): Promise<NodeStatus> {
    return this.#json({ method: 'GET', path: '/v1/status', signal });
  }

  /**
   * Stops the node and waits until its process and its socket are gone.
   * @throws MaculaError MACULA_TIMED_OUT when it is not after `timeoutMs`
   */
  async stop(timeoutMs: number, signal?: AbortSignal): Promise<StopResult> {
    const deadline = this.#clock.nowMs() + timeoutMs;
    const result = await this.#json<StopResult>({ method: 'POST', path: '/v1/stop', signal });
    // Timers of the clock do not keep the process alive, and between two looks there is nothing else to do so.
    const { port1: keepsAlive } = new MessageChannel();
    keepsAlive.ref();
    try {
      while (await this.#isUp(result.pid)) {
        if (this.#clock.nowMs() >= deadline) throw stillStopping(result.pid, timeoutMs);
        await delay(this.#clock, stopPollMs, signal);
      }
    } finally {
      keepsAlive.close();
    }
    return result;
  }

  /** Waits for `ready`, `peers>=N`, `key=K` or `reachable`. @throws MaculaError MACULA_TIMED_OUT, MACULA_USAGE */
  wait(condition: string, timeoutMs: number, signal?: AbortSignal): Promise<WaitResult> {
    const query = new URLSearchParams({ for: condition, timeoutMs: String(timeoutMs) });
    return this.#json({ method: 'GET', path: `/v1/wait?${query}`, workMs: timeoutMs, signal });
  }

  peers(signal?: AbortSignal): Promise<PeerList> {
    return this.#json({ method: 'GET', path: '/v1/peers', signal });
  }

  /** The list of peers at once and again at each change, until the signal aborts or the node stops. */
  watchPeers(signal?: AbortSignal): AsyncIterable<PeerList> {
    return this.#stream({ method: 'GET', path: '/v1/peers/watch', signal });
  }

  connectPeer(request: ConnectRequest, signal?: AbortSignal): Promise<ConnectResult> {
    return this.#work('/v1/peers/connect', request, signal);
  }

  whyPeer(request: PeerWhyRequest, signal?: AbortSignal): Promise<PeerWhyResult> {
    return this.#json({ method: 'POST', path: '/v1/peers/why', body: request, signal });
  }

  disconnectPeer(request: DisconnectRequest, signal?: AbortSignal): Promise<DisconnectResult> {
    return this.#json({ method: 'POST', path: '/v1/peers/disconnect', body: request, signal });
  }

  pingPeer(request: PingRequest, signal?: AbortSignal): AsyncIterable<PingResult> {
    return this.#stream({ method: 'POST', path: '/v1/peers/ping', body: request, workMs: request.timeoutMs, signal });
  }

  trustPeer(request: TrustRequest, signal?: AbortSignal): Promise<TrustResult> {
    return this.#json({ method: 'POST', path: '/v1/peers/trust', body: request, workMs: trustWorkMs, signal });
  }

  untrustPeer(request: TrustRequest, signal?: AbortSignal): Promise<TrustResult> {
    return this.#json({ method: 'POST', path: '/v1/peers/untrust', body: request, signal });
  }

  dhtPut(request: Timed<DhtPutRequest>, signal?: AbortSignal): Promise<DhtStoreResult> {
    return this.#work('/v1/dht/put', request, signal);
  }

  dhtGet(request: Timed<DhtGetRequest>, signal?: AbortSignal): Promise<DhtGetResult> {
    return this.#work('/v1/dht/get', request, signal);
  }

  dhtDelete(request: Timed<DhtDeleteRequest>, signal?: AbortSignal): Promise<DhtStoreResult> {
    return this.#work('/v1/dht/delete', request, signal);
  }

  dhtProviders(request: Timed<DhtProvidersRequest>, signal?: AbortSignal): Promise<DhtProvidersResult> {
    return this.#work('/v1/dht/providers', request, signal);
  }

  dhtTrace(request: Timed<DhtTraceRequest>, signal?: AbortSignal): Promise<DhtTraceResult> {
    return this.#work('/v1/dht/trace', request, signal);
  }

  dhtNodes(signal?: AbortSignal): Promise<DhtNodesResult> {
    return this.#json({ method: 'GET', path: '/v1/dht/nodes', signal });
  }

  rpcCall(request: Timed<RpcCallRequest>, signal?: AbortSignal): Promise<RpcCallResult> {
    return this.#work('/v1/rpc/call', request, signal);
  }

  /**
   * Calls a procedure that streams: `input` goes in as it comes, events come out until the call ends or the signal aborts.
   * @param workMs what accepting it may take
   */
  rpcStream(request: RpcStreamRequest, input: AsyncIterable<unknown>, workMs: number, signal?: AbortSignal): AsyncIterable<RpcStreamEvent> {
    return this.#stream({ method: 'POST', path: '/v1/rpc/stream', body: request, lines: input, workMs, signal });
  }

  /** Serves a procedure until the signal aborts or the node stops. @param workMs what announcing it may take */
  rpcServe(request: RpcServeRequest, workMs: number, signal?: AbortSignal): AsyncIterable<RpcServeEvent> {
    return this.#stream({ method: 'POST', path: '/v1/rpc/serve', body: request, workMs, signal });
  }

  rpcAnswer(request: RpcAnswerRequest, signal?: AbortSignal): Promise<RpcAnswerResult> {
    return this.#json({ method: 'POST', path: '/v1/rpc/answer', body: request, signal });
  }

  /** Answers a call that streams: `lines` are its results, events bring its input, until the call ends or the signal aborts. */
  rpcAnswerStream(request: RpcAnswerStreamRequest, lines: AsyncIterable<RpcAnswerLine>, signal?: AbortSignal): AsyncIterable<RpcAnswerStreamEvent> {
    return this.#stream({ method: 'POST', path: '/v1/rpc/answer/stream', body: request, lines, signal });
  }

  rpcList(signal?: AbortSignal): Promise<RpcListResult> {
    return this.#json({ method: 'GET', path: '/v1/rpc/procedures', signal });
  }

  rpcProviders(request: Timed<RpcProvidersRequest>, signal?: AbortSignal): Promise<RpcProvidersResult> {
    return this.#work('/v1/rpc/providers', request, signal);
  }

  /** @param connections whether to list every connection */
  poolStats(connections: boolean, signal?: AbortSignal): Promise<PoolStatsResult> {
    return this.#json({ method: 'GET', path: connections ? '/v1/pool?connections=true' : '/v1/pool', signal });
  }

  pubsubPublish(request: Timed<PubSubPublishRequest>, signal?: AbortSignal): Promise<PubSubPublishResult> {
    return this.#work('/v1/pubsub/publish', request, signal);
  }

  /** First that the node subscribed, then messages and gaps, until the signal aborts or the node stops. */
  pubsubSubscribe(request: PubSubSubscribeRequest, signal?: AbortSignal): AsyncIterable<PubSubEventLine> {
    return this.#stream({ method: 'POST', path: '/v1/pubsub/subscribe', body: request, workMs: subscribeWorkMs, signal });
  }

  /** @param timeoutMs how long the probe may take */
  natProbe(request: NatProbeRequest, timeoutMs: number, signal?: AbortSignal): Promise<NatProbeResult> {
    return this.#json({ method: 'POST', path: '/v1/nat/probe', body: request, workMs: timeoutMs, signal });
  }

  /** Puts load on a peer: that it has answered, what it came to so far again and again, and in the end. */
  bench(request: BenchRequest & { readonly operationTimeoutMs: number }, signal?: AbortSignal): AsyncIterable<BenchEvent> {
    return this.#stream({ method: 'POST', path: '/v1/bench', body: request, workMs: benchPrepareMs + request.operationTimeoutMs, signal });
  }

  metrics(signal?: AbortSignal): Promise<MetricsResult> {
    return this.#json({ method: 'GET', path: '/v1/metrics', signal });
  }

  config(signal?: AbortSignal): Promise<EffectiveConfig> {
    return this.#json({ method: 'GET', path: '/v1/config', signal });
  }

  #work<Result>(path: string, request: Timed<object>, signal: AbortSignal | undefined): Promise<Result> {
    return this.#json({ method: 'POST', path, body: request, workMs: request.timeoutMs, signal });
  }

  async #json<Result>(call: Call): Promise<Result> {
    const response = await this.#send(call);
    try {
      return this.#unwrap(parseObject(await readText(response)), isFailure(response)) as Result;
    } catch (error) {
      throw this.#explain(error, call.signal);
    }
  }

  async *#stream<Item>(call: Call): AsyncGenerator<Item, void, void> {
    const response = await this.#send(call);
    try {
      if (isFailure(response)) this.#unwrap(parseObject(await readText(response)), true);
      for await (const line of readJsonLines(response)) {
        const item = parseObject(line);
        yield this.#unwrap(item, isErrorLine(item)) as Item;
      }
    } catch (error) {
      throw this.#explain(error, call.signal);
    } finally {
      response.destroy();
    }
  }

  async #send(call: Call): Promise<IncomingMessage> {
    throwIfAborted(call.signal);
    const timeoutMs = this.#settings.timeoutMs + (call.workMs ?? 0);
    const giveUp = new AbortController();
    const timer = this.#clock.setTimer(timeoutMs, () => giveUp.abort());
    const signal = call.signal ? AbortSignal.any([call.signal, giveUp.signal]) : giveUp.signal;
    try {
      const response = await sendRequest({ ...call, socketPath: this.#settings.socketPath }, signal, call.signal);
      const version = response.headers['macula-version'];
      if (typeof version === 'string') this.#serverVersion = version;
      return response;
    } catch (error) {
      if (giveUp.signal.aborted && !call.signal?.aborted) throw notAnswering(this.#settings, `does not answer within ${timeoutMs} ms`);
      throw this.#explain(error, call.signal);
    } finally {
      timer.cancel();
    }
  }

  #explain(error: unknown, signal: AbortSignal | undefined): MaculaError {
    if (error instanceof MaculaError) return error;
    if (signal?.aborted) return new MaculaError('MACULA_ABORTED', 'the operation was cancelled');
    return connectionFailure(this.#settings, error);
  }

  #unwrap(object: Record<string, unknown> | undefined, failed: boolean): unknown {
    if (object?.schemaVersion !== 1) throw notMacula(this.#settings);
    if (failed) throw MaculaError.fromJSON(object.error as ErrorJson);
    const { schemaVersion: _, ...rest } = object;
    return rest;
  }

  /** Whether anything of the node is left: its socket, or its process as long as the pid file of the data directory names it. */
  async #isUp(pid: number): Promise<boolean> {
    if ((await probeSocket(this.#settings.socketPath)) === 'live') return true;
    return readPid(this.#settings.pidFile) === pid && isAlive(pid);
  }
}

function stillStopping(pid: number, timeoutMs: number): MaculaError {
  return new MaculaError('MACULA_TIMED_OUT', `the node (process ${pid}) is still stopping after ${timeoutMs} ms`, {
    hint: `Give it longer with --timeout, or end it with \`kill -9 ${pid}\`.`,
    details: { pid, timeoutMs },
  });
}

function isFailure(response: IncomingMessage): boolean {
  return (response.statusCode ?? 500) >= 400;
}

/** A stream that fails ends with a line that has an error and nothing else; a failed ping has its number, too. */
function isErrorLine(item: Record<string, unknown> | undefined): boolean {
  return item !== undefined && 'error' in item && Object.keys(item).length === 2;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

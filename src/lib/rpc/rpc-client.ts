import { delay, throwIfAborted, withTimeout } from '../base/abort.js';
import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import { maxRemainingMs } from '../wire/rpc-messages.js';
import { chooseProvider } from './balancer.js';
import { CallAttempts } from './call-attempt.js';
import { CallIds } from './call-ids.js';
import { callError, noProviderError, retryAfterOf, tooManyCallsError, verdictOf } from './call-errors.js';
import type { CallOptions, CallOutcome, OpenedAt, PendingCall, StreamAttempt } from './call-options.js';
import { CallCounters, type CallCounts } from './call-counters.js';
import { hedged } from './hedge.js';
import { HedgePolicy } from './hedge-policy.js';
import type { LargeCalls } from './large-calls.js';
import { PeerCalls } from './peer-calls.js';
import type { RpcComponents } from './ports.js';
import type { ProviderDirectory } from './provider-directory.js';
import type { ProviderState } from './provider-state.js';
import { RetryPolicy, type RetrySettings } from './retry-policy.js';
import type { RpcServer } from './rpc-server.js';
import { ShareBudget } from './share-budget.js';

export type RpcClientSettings = RetrySettings &
  Pick<Settings, 'rpcTimeoutMs' | 'rpcRetryShare' | 'rpcRetryRate' | 'rpcSilenceMs' | 'rpcHedgeShare' | 'rpcMaxCalls' | 'rpcMaxCallsPerPeer' | 'rpcMaxBodyBytes'>;

export interface RpcClientComponents extends Omit<RpcComponents, 'providers' | 'logger'> {
  readonly directory: ProviderDirectory;
  /** Carries what is too large for a message. */
  readonly large: LargeCalls;
  /** Serves the calls that this node makes to itself. */
  readonly server: RpcServer;
}

export interface RpcClientEvents {
  /** A call came to its end. `streamed`: it was open for as long as values came. */
  called: { readonly procedure: string; readonly outcome: 'succeeded' | 'failed' | 'cancelled'; readonly streamed: boolean; readonly durationMs: number };
  /** A provider failed so often that it is left alone for a while. */
  circuitOpened: { readonly procedure: string; readonly nodeId: NodeId; readonly forMs: number };
  /** It answered again. */
  circuitClosed: { readonly procedure: string; readonly nodeId: NodeId };
}

/** Round trips an idempotent call waits for a provider before another is asked, at least rpcSilenceMs. */
const silentRoundTrips = 10;

/** An attempt that brought a result. */
interface Answered {
  readonly result: unknown;
  readonly provider: ProviderState;
  /** Clock.nowMs() */
  readonly endMs: number;
}

/** An attempt that did not. */
interface FailedAttempt {
  readonly provider: ProviderState;
  /** All that were known then. */
  readonly providers: readonly ProviderState[];
  readonly error: MaculaError;
}

const noProviders: readonly ProviderState[] = [];

/** Makes calls: finds a provider, chooses among several, tries again where that is safe, and never after the deadline. */
export class RpcClient {
  readonly #components: RpcClientComponents;
  readonly #settings: RpcClientSettings;
  readonly #events = new Emitter<RpcClientEvents>();
  readonly #counters = new CallCounters();
  readonly #retryBudget: ShareBudget;
  readonly #retries: RetryPolicy;
  readonly #hedging: HedgePolicy;
  readonly #ids: CallIds;
  readonly #perPeer = new PeerCalls();
  readonly #attempts: CallAttempts;
  #stopped: MaculaError | undefined;

  constructor(components: RpcClientComponents, settings: RpcClientSettings) {
    this.#components = components;
    this.#settings = settings;
    this.#retryBudget = new ShareBudget(settings.rpcRetryShare, settings.rpcRetryRate);
    this.#retries = new RetryPolicy({ budget: this.#retryBudget, random: components.random }, settings);
    this.#hedging = new HedgePolicy(settings.rpcHedgeShare);
    this.#ids = new CallIds(components.random);
    this.#attempts = new CallAttempts({ ...components, perPeer: this.#perPeer }, settings);
  }

  on<Name extends keyof RpcClientEvents>(name: Name, listener: (value: RpcClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  counts(): CallCounts {
    return this.#counters.counts();
  }

  /** Calls wait no longer. */
  stop(): void {
    this.#stopped ??= new MaculaError('MACULA_ABORTED', 'the node is shutting down or not running');
  }

  /**
   * Calls a procedure and resolves with its result and how the call went. Every error has in its details `status` (a name of
   * RpcStatus) and `executed`: `no` where the procedure certainly did not run, otherwise `maybe` or `yes`.
   * @param args anything MessagePack can carry, at most rpcMaxBodyBytes of it
   * @throws MaculaError MACULA_NO_PROVIDER, MACULA_CALL_FAILED (it ran and failed), MACULA_TIMED_OUT, MACULA_UNREACHABLE,
   * MACULA_CONNECTION_CLOSED, MACULA_OVERLOADED, MACULA_CALL_REFUSED, MACULA_INVALID_VALUE, MACULA_ABORTED
   */
  async call(procedure: string, args: unknown, options: CallOptions = {}): Promise<CallOutcome> {
    const call = this.#begin(procedure, args, options);
    try {
      const outcome = options.node === undefined ? await this.#byName(call, options.hedge === true) : await this.#atNode(call, options.node);
      this.#end(call, undefined, false, outcome.durationMs);
      return outcome;
    } catch (error) {
      this.#end(call, MaculaError.from(error), false);
      throw error;
    }
  }

  /**
   * As {@link call}, for what stays open once a provider has accepted: `attempt` opens it, and `end` says that it is over.
   * @throws MaculaError as {@link call}
   */
  async open(procedure: string, args: unknown, options: CallOptions, attempt: StreamAttempt): Promise<OpenedAt> {
    const call = this.#begin(procedure, args, options, attempt);
    try {
      const { result: opened, provider, attempts } = options.node === undefined ? await this.#byName(call, false) : await this.#atNode(call, options.node);
      const state = options.node === undefined ? this.#components.directory.known(procedure).find(({ nodeId }) => nodeId === provider) : undefined;
      if (state) state.inFlight++;
      this.#perPeer.begin(provider);
      return { opened, provider, attempts, end: (nodeId, error) => this.#ended(call, nodeId, state, error) };
    } catch (error) {
      this.#end(call, MaculaError.from(error), true);
      throw error;
    }
  }

  #end({ procedure, startMs }: PendingCall, error: MaculaError | undefined, streamed: boolean, durationMs = this.#components.clock.nowMs() - startMs): void {
    const outcome = error === undefined ? 'succeeded' : error.code === 'MACULA_ABORTED' ? 'cancelled' : 'failed';
    this.#counters.end(outcome);
    this.#events.emit('called', { procedure, outcome, streamed, durationMs });
  }

  #ended(call: PendingCall, nodeId: NodeId, state: ProviderState | undefined, error: MaculaError | undefined): void {
    if (state) state.inFlight--;
    this.#perPeer.end(nodeId);
    this.#end(call, error, true);
    // A stream that ends late says nothing about how fast its provider is; only that it went away counts.
    if (!state || !error || !(error.code === 'MACULA_CONNECTION_CLOSED' || error.details['status'] === 'UNAVAILABLE')) return;
    const nowMs = this.#components.clock.nowMs();
    const wasClosed = state.breaker.state(nowMs) === 'closed';
    state.begin(nowMs);
    this.#judge(call.procedure, state, error, nowMs - (state.rttMs ?? 0), wasClosed);
  }

  #begin(procedure: string, args: unknown, { timeoutMs = this.#settings.rpcTimeoutMs, idempotent, hedge, signal }: CallOptions, attempt?: StreamAttempt): PendingCall {
    if (this.#stopped) throw this.#stopped;
    throwIfAborted(signal);
    if (!(timeoutMs > 0 && timeoutMs <= maxRemainingMs)) throw new MaculaError('MACULA_INVALID_VALUE', `a deadline is 1 to ${maxRemainingMs} ms away, not ${timeoutMs}`, { hint: 'Correct it and try again.' });
    if (hedge && !idempotent) throw new MaculaError('MACULA_INVALID_VALUE', 'only an idempotent call can be hedged', { hint: 'Declare it idempotent if running it twice does no harm.' });
    const { rpcMaxCalls } = this.#settings;
    const { clock } = this.#components;
    if (this.#counters.running >= rpcMaxCalls) throw callError(tooManyCallsError('rpcMaxCalls', rpcMaxCalls), { procedure, timeoutMs }, undefined, 0);
    this.#counters.begin();
    this.#retryBudget.earn();
    const startMs = clock.nowMs();
    return { procedure, args, callId: idempotent ? this.#ids.next() : undefined, timeoutMs, startMs, deadlineMs: startMs + timeoutMs, signal, attempt };
  }

  /** Most calls end with their first attempt, at a provider that is known already: nothing is awaited for it but the answer. */
  #byName(call: PendingCall, hedge: boolean): Promise<CallOutcome> {
    const { clock, random, directory } = this.#components;
    const { startMs } = call;
    const providers = hedge ? undefined : directory.current(call.procedure, startMs);
    const provider = providers && chooseProvider(providers, noProviders, startMs, random);
    if (!provider || provider.breaker.state(startMs) !== 'closed') return this.#inTurn(call, hedge);
    return new Promise((resolve) => {
      provider.begin(startMs);
      this.#attempts.begin(call, provider.nodeId, this.#patienceMs(call, provider, providers.length > 1, startMs), call.signal, {
        resolve: (result) => {
          const endMs = clock.nowMs();
          provider.end('good', endMs - startMs, endMs, random);
          resolve({ result, provider: provider.nodeId, attempts: 1, durationMs: endMs - startMs });
        },
        reject: (error) => resolve(this.#afterFirst(call, provider, providers, error)),
      });
    });
  }

  async #afterFirst(call: PendingCall, provider: ProviderState, providers: readonly ProviderState[], error: MaculaError): Promise<CallOutcome> {
    this.#judge(call.procedure, provider, error, call.startMs, true);
    return this.#inTurn(call, false, { provider, providers, error });
  }

  /** One provider after another, until one answers or there is to be no other attempt. @param failed the first attempt, where it was made already */
  async #inTurn(call: PendingCall, hedge: boolean, failed?: FailedAttempt): Promise<CallOutcome> {
    const { clock, random, directory } = this.#components;
    const { procedure } = call;
    const tried: ProviderState[] = [];
    for (let attempts = failed ? 1 : 0; ; attempts++) {
      if (failed) await this.#nextTurn(call, failed, tried, attempts);
      const providers = directory.current(procedure, clock.nowMs()) ?? (await this.#find(call, failed?.error.code === 'MACULA_NO_PROVIDER'));
      const nowMs = clock.nowMs();
      const provider = chooseProvider(providers, tried, nowMs, random);
      if (!provider) throw callError(noProviderError(procedure), call, undefined, attempts);
      try {
        const others = providers.length - tried.length > 1;
        const answered = hedge && others ? await this.#hedgedAttempt(call, provider, providers) : await this.#attemptAt(call, provider, others, call.signal, nowMs);
        return { result: answered.result, provider: answered.provider.nodeId, attempts: attempts + 1, durationMs: answered.endMs - call.startMs };
      } catch (cause) {
        failed = { provider, providers, error: MaculaError.from(cause) };
      }
    }
  }

  /** Takes note of a failed attempt and waits until the next one may be made. @throws the caller's error where there is to be none */
  async #nextTurn(call: PendingCall, { provider, providers, error }: FailedAttempt, tried: ProviderState[], attempts: number): Promise<void> {
    if (!tried.includes(provider)) tried.push(provider);
    if (error.code === 'MACULA_NO_PROVIDER') this.#components.directory.gone(call.procedure, provider.nodeId);
    await this.#beforeRetry(call, provider, error, attempts, providers.some((other) => !tried.includes(other)));
  }

  async #atNode(call: PendingCall, nodeId: NodeId): Promise<CallOutcome> {
    const { clock } = this.#components;
    for (let attempts = 1; ; attempts++) {
      try {
        const result = await this.#attempt(call, nodeId, call.deadlineMs - clock.nowMs(), call.signal);
        return { result, provider: nodeId, attempts, durationMs: clock.nowMs() - call.startMs };
      } catch (cause) {
        await this.#beforeRetry(call, { nodeId }, MaculaError.from(cause), attempts, false);
      }
    }
  }

  /** Waits until the next attempt may be made. @throws the caller's error where there is to be none */
  async #beforeRetry(call: PendingCall, { nodeId }: { nodeId: NodeId }, error: MaculaError, attempts: number, hasOther: boolean): Promise<void> {
    const { clock } = this.#components;
    const nowMs = clock.nowMs();
    // A provider that ceased to serve may have left others the DHT knows of by now.
    const mayHaveOther = hasOther || (error.code === 'MACULA_NO_PROVIDER' && attempts === 1 && this.#components.directory.known(call.procedure).length === 0);
    const decision = this.#retries.decide({ error, attempts, idempotent: call.callId !== undefined, remainingMs: call.deadlineMs - nowMs, hasOther: mayHaveOther }, nowMs);
    if (decision.kind === 'give-up') throw callError(error, call, nodeId, attempts);
    this.#counters.retry();
    if (call.signal || decision.delayMs > 0) await delay(clock, decision.delayMs, call.signal);
    if (this.#stopped) throw this.#stopped;
  }

  #find(call: PendingCall, fresh: boolean): Promise<readonly ProviderState[]> {
    const { clock, directory } = this.#components;
    const remainingMs = Math.max(0, call.deadlineMs - clock.nowMs());
    return withTimeout(clock, remainingMs, 'finding a provider', call.signal, (signal) => directory.find(call.procedure, fresh, signal)).catch((error: unknown) => {
      const { code, message, hint, details } = MaculaError.from(error);
      throw callError(new MaculaError(code, message, { hint, details: { ...details, executed: 'no' }, cause: error }), call, undefined, 0);
    });
  }

  /** Sends the call to a provider and again to another one where the first is slow. */
  async #hedgedAttempt(call: PendingCall, first: ProviderState, providers: readonly ProviderState[]): Promise<Answered> {
    const { clock, random } = this.#components;
    const copy = (provider: ProviderState) => async (signal: AbortSignal | undefined) => {
      const startMs = clock.nowMs();
      const answered = await this.#attemptAt(call, provider, true, signal, startMs);
      this.#hedging.answered(call.procedure, answered.endMs - startMs);
      return answered;
    };
    const afterMs = this.#hedging.begin(call.procedure);
    if (afterMs === undefined) return copy(first)(call.signal);
    return hedged(clock, afterMs, call.signal, copy(first), () => {
      const second = chooseProvider(providers, [first], clock.nowMs(), random);
      if (!second || second === first || !this.#hedging.take(clock.nowMs())) return undefined;
      this.#counters.hedge();
      return copy(second);
    });
  }

  async #attemptAt(call: PendingCall, provider: ProviderState, hasOther: boolean, signal: AbortSignal | undefined, startMs: number): Promise<Answered> {
    const { clock, random } = this.#components;
    const wasClosed = provider.breaker.state(startMs) === 'closed';
    provider.begin(startMs);
    try {
      const result = await this.#attempt(call, provider.nodeId, this.#patienceMs(call, provider, hasOther, startMs), signal);
      const endMs = clock.nowMs();
      provider.end('good', endMs - startMs, endMs, random);
      if (!wasClosed) this.#events.emit('circuitClosed', { procedure: call.procedure, nodeId: provider.nodeId });
      return { result, provider, endMs };
    } catch (cause) {
      this.#judge(call.procedure, provider, MaculaError.from(cause), startMs, wasClosed);
      throw cause;
    }
  }

  #judge(procedure: string, provider: ProviderState, error: MaculaError, startMs: number, wasClosed: boolean): void {
    const nowMs = this.#components.clock.nowMs();
    const verdict = verdictOf(error);
    const forMs = provider.end(verdict, nowMs - startMs, nowMs, this.#components.random, retryAfterOf(error));
    const { nodeId } = provider;
    if (verdict === 'failed') this.#components.directory.failed(nodeId);
    if (forMs !== undefined) this.#events.emit('circuitOpened', { procedure, nodeId, forMs });
    else if (!wasClosed && provider.breaker.state(nowMs) === 'closed') this.#events.emit('circuitClosed', { procedure, nodeId });
  }

  /** How long one attempt may take: all that is left, unless the call may run again and there is somebody else to ask. */
  #patienceMs(call: PendingCall, provider: ProviderState, hasOther: boolean, nowMs: number): number {
    const remainingMs = call.deadlineMs - nowMs;
    if (!call.callId || !hasOther) return remainingMs;
    return Math.min(remainingMs / 2, Math.max(this.#settings.rpcSilenceMs, silentRoundTrips * (provider.rttMs ?? 0)));
  }

  /** One attempt at one node; resolves with the procedure's result. */
  #attempt(call: PendingCall, nodeId: NodeId, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => this.#attempts.begin(call, nodeId, timeoutMs, signal, { resolve, reject }));
  }
}

import { withTimeout } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { RandomSource } from '../base/random.js';
import type { RpcHandlers } from '../control/ports-rpc.js';
import type {
  RpcAnswerInput, RpcAnswerLine, RpcAnswerStreamEvent, RpcAnswerStreamRequest, RpcAnswerResult, RpcCallInput, RpcCallResult, RpcListResult, RpcProvidersInput, RpcProvidersResult, RpcServeEvent, RpcServeInput, RpcStreamEvent,
  RpcStreamInput,
} from '../control/protocol-rpc.js';
import { streamCall } from './control-streams.js';
import { fromJsonValue, toJsonValue } from './json-value.js';
import type { NodePeers } from './node-peers.js';
import type { NodeRpc } from './node-rpc.js';
import { ServedProcedures } from './served-procedures.js';

export interface RpcControlComponents {
  readonly rpc: NodeRpc;
  readonly peers: Pick<NodePeers, 'resolve'>;
  readonly clock: Clock;
  readonly random: RandomSource;
}

/** What a node does for its control socket about RPC. */
export class RpcControl implements RpcHandlers {
  readonly #components: RpcControlComponents;
  readonly #served: ServedProcedures;

  constructor(components: RpcControlComponents) {
    this.#components = components;
    this.#served = new ServedProcedures(components);
  }

  async call({ procedure, args, node, idempotent, hedge, timeoutMs }: RpcCallInput, signal: AbortSignal): Promise<RpcCallResult> {
    const { rpc, peers } = this.#components;
    const target = node === undefined ? {} : { node: peers.resolve(node) };
    const { result, ...how } = await rpc.callDetailed(procedure, fromJsonValue(args), { ...target, idempotent, hedge, timeoutMs, signal });
    return { result: toJsonValue(result), ...how };
  }

  callStream(request: RpcStreamInput, input: AsyncIterable<unknown>, signal: AbortSignal): AsyncIterable<RpcStreamEvent> {
    return streamCall(this.#components, request, input, signal);
  }

  serve(request: RpcServeInput, signal: AbortSignal): AsyncIterable<RpcServeEvent> {
    return this.#served.serve(request, signal);
  }

  answer(request: RpcAnswerInput): RpcAnswerResult {
    return { accepted: this.#served.answer(request) };
  }

  answerStream({ callId }: RpcAnswerStreamRequest, lines: AsyncIterable<RpcAnswerLine>): AsyncIterable<RpcAnswerStreamEvent> {
    return this.#served.answerStream(callId, lines);
  }

  list(): RpcListResult {
    const { rpc } = this.#components;
    const procedures = rpc.list().map(({ allow, p50Ms, p99Ms, ...procedure }) => ({ ...procedure, allow: allow ? [...allow] : null, p50Ms: p50Ms ?? null, p99Ms: p99Ms ?? null }));
    return { procedures, calls: rpc.stats().calls };
  }

  async providers({ procedure, fresh, timeoutMs }: RpcProvidersInput, signal: AbortSignal): Promise<RpcProvidersResult> {
    const { rpc, clock } = this.#components;
    const found = await withTimeout(clock, timeoutMs, `finding who serves ${JSON.stringify(procedure)}`, signal, (stop) => rpc.providers(procedure, { fresh, signal: stop }));
    if (found.length === 0) throw new MaculaError('MACULA_NO_PROVIDER', `nobody serves ${JSON.stringify(procedure)}`, { details: { procedure } });
    return { procedure, providers: found.map(({ rttMs, ...provider }) => ({ ...provider, rttMs: rttMs ?? null })) };
  }
}

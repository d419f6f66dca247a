import type {
  RpcAnswerInput, RpcAnswerLine, RpcAnswerStreamEvent, RpcAnswerStreamRequest, RpcAnswerResult, RpcCallInput, RpcCallResult, RpcListResult, RpcProvidersInput, RpcProvidersResult, RpcServeEvent, RpcServeInput, RpcStreamEvent,
  RpcStreamInput,
} from './protocol-rpc.js';

/** What a node does for its control socket about RPC. */
export interface RpcHandlers {
  /** @throws MaculaError MACULA_NO_PROVIDER, MACULA_CALL_FAILED, MACULA_TIMED_OUT and as NodeRpc.call */
  call(request: RpcCallInput, signal: AbortSignal): Promise<RpcCallResult>;
  /** A call that streams: `input` goes in, results come out. @throws MaculaError as NodeRpc.callStream, and what reading `input` failed with */
  callStream(request: RpcStreamInput, input: AsyncIterable<unknown>, signal: AbortSignal): AsyncIterable<RpcStreamEvent>;
  /** Hands over calls until the signal aborts; the procedure is withdrawn when its last stream ends. @throws MaculaError MACULA_ALREADY_SERVED, MACULA_INVALID_VALUE */
  serve(request: RpcServeInput, signal: AbortSignal): AsyncIterable<RpcServeEvent>;
  answer(request: RpcAnswerInput): RpcAnswerResult;
  /** Answers a call that streams: `lines` are its results, what comes back is its input. */
  answerStream(request: RpcAnswerStreamRequest, lines: AsyncIterable<RpcAnswerLine>): AsyncIterable<RpcAnswerStreamEvent>;
  list(): RpcListResult;
  /** @throws MaculaError MACULA_NO_PROVIDER, MACULA_TIMED_OUT */
  providers(request: RpcProvidersInput, signal: AbortSignal): Promise<RpcProvidersResult>;
}

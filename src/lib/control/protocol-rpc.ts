import { z } from 'zod';
import { count, milliseconds, nodeId, timeoutMs } from './protocol-fields.js';

/** Requests and responses of the control socket about RPC; the rules are those of protocol.ts. */

const procedureName = z.string().min(1).max(255).describe('Name of the procedure');
const value = z.unknown().describe('Any JSON value; bytes are written {"$base64":"…"}');
const statusName = z.string().regex(/^[A-Z_]{2,32}$/).describe('A status code of gRPC, by name');

export const rpcCallRequest = z.object({
  procedure: procedureName,
  args: value.optional(),
  node: z.string().regex(/^[0-9a-fA-F]{8,64}$/).optional().describe('Call this node: its id, or the first characters of a peer\'s, at least 8; where absent, any that serves the procedure'),
  idempotent: z.boolean().default(false).describe('Running it twice does no harm, so it may be tried again elsewhere'),
  hedge: z.boolean().default(false).describe('Ask a second provider when the first is slow; for idempotent calls'),
  timeoutMs: timeoutMs.default(5000),
});
export type RpcCallRequest = z.input<typeof rpcCallRequest>;
export type RpcCallInput = z.output<typeof rpcCallRequest>;
export const rpcCallResult = z.object({
  result: value,
  provider: nodeId,
  attempts: count.describe('The one that succeeded included'),
  durationMs: milliseconds,
});
export type RpcCallResult = z.infer<typeof rpcCallResult>;

export const rpcStreamRequest = rpcCallRequest.omit({ hedge: true, timeoutMs: true }).extend({
  idempotent: z.boolean().default(false).describe('Opening it twice does no harm, so another node is asked where the first may have begun'),
  timeoutMs: timeoutMs.optional().describe('Until the whole stream must be over; as long as it takes where absent'),
});
export type RpcStreamRequest = z.input<typeof rpcStreamRequest>;
export type RpcStreamInput = z.output<typeof rpcStreamRequest>;
export const rpcStreamEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('accepted'), provider: nodeId, attempts: count.describe('Nodes asked, this one included') }),
  z.object({ event: z.literal('value'), value }).describe('One result'),
  z.object({ event: z.literal('end'), received: count.describe('Results'), sent: count.describe('Values that were streamed to the procedure'), durationMs: milliseconds }).describe('All results have come'),
]);
export type RpcStreamEvent = z.infer<typeof rpcStreamEvent>;

export const rpcServeRequest = z.object({
  procedure: procedureName,
  concurrency: z.number().int().min(1).max(10_000).default(16).describe('Calls handed over at once on this stream'),
  allow: z.array(nodeId).max(1000).optional().describe('Nodes that may call; every node of the realm where absent'),
  stream: z.boolean().default(false).describe('Results stream: calls are answered with /v1/rpc/answer/stream'),
});
export type RpcServeRequest = z.input<typeof rpcServeRequest>;
export type RpcServeInput = z.output<typeof rpcServeRequest>;

const callId = z.string().min(1).max(64).describe('Names the call in its answer');
export const rpcServeEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('serving'), procedure: z.string() }).describe('Calls come from now on'),
  z.object({ event: z.literal('call'), callId, args: value, caller: nodeId, remainingMs: milliseconds.nullable().describe('Until nobody waits any more; null where a stream has no deadline') }),
  z.object({ event: z.literal('cancel'), callId }).describe('Nobody waits for the answer any more'),
]);
export type RpcServeEvent = z.infer<typeof rpcServeEvent>;

const rpcFailure = z.object({ message: z.string().max(1024), status: statusName.default('UNKNOWN'), details: z.record(z.string(), z.unknown()).default({}) });
export const rpcAnswerRequest = z.object({
  callId,
  result: value.optional().describe('What the procedure returned; null where absent'),
  error: rpcFailure.optional().describe('How it failed, in place of a result'),
});
export type RpcAnswerRequest = z.input<typeof rpcAnswerRequest>;
export type RpcAnswerInput = z.output<typeof rpcAnswerRequest>;
export const rpcAnswerResult = z.object({ accepted: z.boolean().describe('false where nobody waits for it any more') });
export type RpcAnswerResult = z.infer<typeof rpcAnswerResult>;

export const rpcAnswerStreamRequest = z.object({ callId });
export type RpcAnswerStreamRequest = z.infer<typeof rpcAnswerStreamRequest>;
export const rpcAnswerLine = z.object({
  value: value.optional().describe('One result'),
  error: rpcFailure.optional().describe('How the procedure failed, in place of further results'),
});
export type RpcAnswerLine = z.output<typeof rpcAnswerLine>;
export const rpcAnswerStreamEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('attached') }).describe('Results are taken from now on'),
  z.object({ event: z.literal('input'), value }).describe('One value the caller streams'),
  z.object({ event: z.literal('input-end') }).describe('The caller streams no more'),
  z.object({ event: z.literal('end'), outcome: z.enum(['ok', 'failed', 'cancelled']) }).describe('The call is over'),
]);
export type RpcAnswerStreamEvent = z.infer<typeof rpcAnswerStreamEvent>;

export const rpcProcedure = z.object({
  name: z.string(),
  builtIn: z.boolean().describe('Every node has it'),
  concurrency: count.describe('Calls served at once'),
  allow: z.array(nodeId).nullable().describe('null: every node of the realm'),
  calls: count.describe('Calls that ran or are running'),
  running: count,
  succeeded: count,
  failed: count,
  cancelled: count.describe('Their callers went away or ran out of time'),
  refused: count.describe('Never ran: too many at once, or a caller that may not'),
  repeated: count.describe('Idempotent calls that got the answer of an earlier one'),
  p50Ms: milliseconds.nullable().describe('Of the last 256 answers'),
  p99Ms: milliseconds.nullable(),
});
export type RpcProcedure = z.infer<typeof rpcProcedure>;
export const rpcListResult = z.object({
  procedures: z.array(rpcProcedure),
  calls: z.object({ running: count, succeeded: count, failed: count, cancelled: count, retries: count, hedges: count }).describe('What this node called'),
});
export type RpcListResult = z.infer<typeof rpcListResult>;

export const rpcProvidersRequest = z.object({
  procedure: procedureName,
  fresh: z.boolean().default(false).describe('Ask the network even if the answer is known'),
  timeoutMs: timeoutMs.default(30_000),
});
export type RpcProvidersRequest = z.input<typeof rpcProvidersRequest>;
export type RpcProvidersInput = z.output<typeof rpcProvidersRequest>;
export const rpcProvidersResult = z.object({
  procedure: z.string(),
  providers: z.array(
    z.object({
      nodeId,
      rttMs: milliseconds.nullable().describe('Of this node\'s calls; null before the first answer'),
      inFlight: count,
      circuit: z.enum(['closed', 'open', 'half-open']).describe('open: left alone after failures; half-open: the next call is a trial'),
    }),
  ),
});
export type RpcProvidersResult = z.infer<typeof rpcProvidersResult>;

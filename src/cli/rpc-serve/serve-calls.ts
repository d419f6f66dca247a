import type { ControlClient } from '../../lib/control/client.js';
import type { RpcServeEvent, RpcServeRequest } from '../../lib/control/protocol-rpc.js';
import type { RunOutcome, Runner } from './runners.js';
import { serveStream } from './serve-stream.js';

/** One served call, as it is shown. */
export interface ServedCall {
  readonly callId: string;
  readonly caller: string;
  readonly outcome: 'ok' | 'failed' | 'cancelled';
  readonly durationMs: number;
  /** Why it failed. */
  readonly error?: { readonly status: string; readonly message: string };
}

export interface ServeParts {
  readonly client: Pick<ControlClient, 'rpcServe' | 'rpcAnswer' | 'rpcAnswerStream'>;
  /** Runs a call; an array is the words of a command for a call that streams. */
  readonly runner: Runner | readonly string[];
  onServing(): void;
  onCall(call: ServedCall): void;
  nowMs(): number;
}

/** What announcing may take. */
const announceMs = 30_000;

/**
 * Serves a procedure through a node until the signal aborts or the node ends the stream; calls under way are then cancelled, and waited for.
 * @throws MaculaError as ControlClient.rpcServe
 */
export async function serveCalls(parts: ServeParts, request: RpcServeRequest, signal: AbortSignal): Promise<void> {
  const running = new Map<string, AbortController>();
  const work = new Set<Promise<void>>();
  try {
    for await (const event of parts.client.rpcServe(request, announceMs, signal)) {
      if (event.event === 'serving') parts.onServing();
      else if (event.event === 'cancel') running.get(event.callId)?.abort();
      else {
        const controller = new AbortController();
        running.set(event.callId, controller);
        const served = serveOne(parts, request.procedure, event, controller.signal).finally(() => {
          running.delete(event.callId);
          work.delete(served);
        });
        work.add(served);
      }
    }
  } finally {
    for (const controller of running.values()) controller.abort();
    await Promise.all(work);
  }
}

async function serveOne(parts: ServeParts, procedure: string, { callId, args, caller }: RpcServeEvent & { event: 'call' }, signal: AbortSignal): Promise<void> {
  const startMs = parts.nowMs();
  if (typeof parts.runner !== 'function') {
    const { outcome, error } = await serveStream(parts.client, parts.runner, callId, { procedure, args, caller }, signal);
    return parts.onCall({ callId, caller, outcome, durationMs: parts.nowMs() - startMs, ...(error && { error: { status: error.status, message: error.message } }) });
  }
  const outcome = await parts.runner({ procedure, args, caller }, signal);
  const accepted = signal.aborted ? false : await answer(parts, callId, outcome);
  const durationMs = parts.nowMs() - startMs;
  const error = 'error' in outcome ? outcome.error : undefined;
  parts.onCall({
    callId, caller, durationMs,
    outcome: !accepted ? 'cancelled' : error ? 'failed' : 'ok',
    ...(error && accepted && { error: { status: error.status, message: error.message } }),
  });
}

/** Whether somebody still waited. A node that is gone does not wait. */
async function answer({ client }: ServeParts, callId: string, outcome: RunOutcome): Promise<boolean> {
  try {
    return (await client.rpcAnswer({ callId, ...outcome })).accepted;
  } catch {
    return false;
  }
}

import type { ControlClient } from '../../lib/control/client.js';
import type { RpcAnswerLine, RpcAnswerStreamEvent } from '../../lib/control/protocol-rpc.js';
import type { RunCall } from './runners.js';
import { startCommand } from './stream-runner.js';

/** How one call that streamed went. */
export interface StreamServed {
  readonly outcome: 'ok' | 'failed' | 'cancelled';
  readonly error: RpcAnswerLine['error'];
}

/** Serves one call that streams with a command: what it prints goes to the node, what comes from the node goes to its stdin. Never rejects. */
export async function serveStream(client: Pick<ControlClient, 'rpcAnswerStream'>, words: readonly string[], callId: string, call: RunCall, given: AbortSignal): Promise<StreamServed> {
  const over = new AbortController();
  const signal = AbortSignal.any([given, over.signal]);
  const run = startCommand(words, call, signal);
  let error: RpcAnswerLine['error'];
  async function* lines(): AsyncGenerator<RpcAnswerLine> {
    for await (const line of run.lines) {
      error = line.error;
      yield line;
    }
  }
  let outcome: RpcAnswerStreamEvent & { event: 'end' } = { event: 'end', outcome: 'cancelled' };
  try {
    for await (const event of client.rpcAnswerStream({ callId }, lines(), signal)) {
      if (event.event === 'input') await run.write(event.value);
      else if (event.event === 'input-end') run.endInput();
      else if (event.event === 'end') outcome = event;
    }
  } catch {
    // The node is gone, or the call is: either way nobody waits for it.
  } finally {
    over.abort();
  }
  return { outcome: outcome.outcome, error: outcome.outcome === 'failed' ? error : undefined };
}

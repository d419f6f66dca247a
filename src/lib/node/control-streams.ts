import { MaculaError } from '../base/errors.js';
import type { RpcStreamEvent, RpcStreamInput } from '../control/protocol-rpc.js';
import type { CallStream } from '../rpc/call-stream.js';
import { fromJsonValue, toJsonValue } from './json-value.js';
import type { NodePeers } from './node-peers.js';
import type { NodeRpc } from './node-rpc.js';

/**
 * A call that streams for a program at the control socket: its lines go in as values, results come out as events. Ends the call
 * when either side is done.
 * @throws MaculaError as NodeRpc.callStream, and as what the stream or reading `input` failed with
 */
export async function* streamCall(
  { rpc, peers }: { rpc: Pick<NodeRpc, 'callStream'>; peers: Pick<NodePeers, 'resolve'> },
  { procedure, args, node, idempotent, timeoutMs }: RpcStreamInput,
  input: AsyncIterable<unknown>,
  signal: AbortSignal,
): AsyncGenerator<RpcStreamEvent, void, void> {
  const options = { idempotent, signal, ...(node === undefined ? {} : { node: peers.resolve(node) }), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
  const stream = await rpc.callStream(procedure, fromJsonValue(args), options);
  let inputError: MaculaError | undefined;
  writeAll(stream, input).catch((cause: unknown) => {
    inputError = MaculaError.from(cause);
    stream.cancel(inputError.message);
  });
  try {
    yield { event: 'accepted', provider: stream.provider, attempts: stream.attempts };
    for await (const value of stream) yield { event: 'value', value: toJsonValue(value) };
    const { received, sent, durationMs } = await stream.finished;
    yield { event: 'end', received, sent, durationMs };
  } catch (error) {
    throw inputError ?? error;
  } finally {
    stream.cancel();
  }
}

/** Writes until the input ends or nobody reads any more. What the stream itself fails with is for its reader to say. */
async function writeAll(stream: CallStream, input: AsyncIterable<unknown>): Promise<void> {
  for await (const value of input) {
    const goesOn = await stream.write(fromJsonValue(value)).catch((error: unknown) => {
      // A value that cannot be sent is a fault of the input; the rest is the stream's.
      if (['MACULA_VALUE_TOO_LARGE', 'MACULA_INVALID_VALUE', 'MACULA_OVERLOADED'].includes(MaculaError.from(error).code)) throw error;
      return false;
    });
    if (!goesOn) return;
  }
  stream.end();
}

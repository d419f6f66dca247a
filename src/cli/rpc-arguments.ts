import { string } from '@oclif/core/args';
import { custom } from '@oclif/core/flags';
import { MaculaError } from '../lib/base/errors.js';
import { described, timeoutFlag } from './flags.js';
import { bytesOfValue, readValue } from './value-argument.js';

/** How long a call waits for its answer. */
export const callTimeoutMs = 5000;
export const callTimeout = timeoutFlag('How long to wait for the answer', callTimeoutMs);

export const procedureArgument = string({ description: 'Name of the procedure', required: true, ignoreStdin: true, parse: async (text) => readProcedure(text) });

/** The flag that names the node to call. */
export const nodeFlag = custom<string>({
  description: described('Call this node: its id, or the first characters of a peer\'s, at least 8'),
  helpValue: '<id>',
  parse: async (text) => readNode(text),
})();

/**
 * The arguments of a call: JSON from the argument itself, the file of `@file`, or stdin for `-`; null where absent.
 * @throws MaculaError MACULA_USAGE where it is not JSON, and as readValue
 */
export async function readJsonArgument(argument: string | undefined, stdin: () => AsyncIterable<Uint8Array>): Promise<unknown> {
  if (argument === undefined) return null;
  const text = bytesOfValue(await readValue(argument, stdin)).toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new MaculaError('MACULA_USAGE', `the arguments are not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      hint: 'Text goes in quotes of its own: \'"text"\'. An object looks like \'{"a":1}\'.',
      cause,
    });
  }
}

function readProcedure(text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes >= 1 && bytes <= 255) return text;
  throw new MaculaError('MACULA_USAGE', `the name of a procedure has 1 to 255 bytes, not ${bytes}`);
}

function readNode(text: string): string {
  if (/^[0-9a-fA-F]{8,64}$/.test(text)) return text.toLowerCase();
  throw new MaculaError('MACULA_USAGE', `not a node id: ${JSON.stringify(text)}`, { hint: 'Give an id of `macula rpc providers` or `macula peers list`, or its first characters, at least 8.' });
}

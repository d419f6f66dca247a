import { string } from '@oclif/core/args';
import { MaculaError } from '../lib/base/errors.js';

function readPeer(text: string): string {
  if (/^[0-9a-fA-F]{8,64}$/.test(text)) return text.toLowerCase();
  throw new MaculaError('MACULA_USAGE', `not a node id: ${JSON.stringify(text)}`, {
    hint: 'Give an id of `macula peers list`, or its first characters, at least 8.',
  });
}

/** Argument that names a peer by its id or the beginning of it. */
export const peerIdArgument = string({
  description: 'Node id, or its first characters, at least 8',
  required: true,
  ignoreStdin: true,
  parse: async (text) => readPeer(text),
});

import { string } from '@oclif/core/args';
import { MaculaError } from '../lib/base/errors.js';
import type { ControlClient } from '../lib/control/client.js';

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

/**
 * The whole id where `text` is the beginning of one, so that it is never taken for a host name; anything else as it is.
 * @throws MaculaError MACULA_PEER_NOT_FOUND, MACULA_USAGE when several peers' ids begin so
 */
export async function wholeTarget(text: string, client: Pick<ControlClient, 'peers'>, signal: AbortSignal): Promise<string> {
  if (!/^[0-9a-f]{8,63}$/i.test(text)) return text;
  const { peers } = await client.peers(signal);
  const found = [...new Set(peers.map(({ nodeId }) => nodeId))].filter((nodeId) => nodeId?.startsWith(text.toLowerCase()));
  if (found.length > 1) throw new MaculaError('MACULA_USAGE', `${found.length} peers have ids that begin with ${text}`, { details: { found }, hint: 'Write more characters of the id.' });
  const [whole] = found;
  if (typeof whole === 'string') return whole;
  throw new MaculaError('MACULA_PEER_NOT_FOUND', `no peer has an id that begins with ${text}`, { hint: 'Give the whole id; for a host, write https://HOST:PORT.' });
}

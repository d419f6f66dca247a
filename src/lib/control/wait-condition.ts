import { MaculaError } from '../base/errors.js';

/** What `macula node wait --for` can wait for. */
export type WaitCondition =
  | { readonly kind: 'ready' }
  /** At least `count` connected peers. */
  | { readonly kind: 'peers'; readonly count: number }
  /** A value under the key can be read. */
  | { readonly kind: 'key'; readonly key: string }
  /** Others can reach the node from outside. */
  | { readonly kind: 'reachable' };

const supported = ['ready', 'peers>=N', 'key=K', 'reachable'];

/** Reads `ready`, `peers>=N`, `key=K` or `reachable`. @throws MaculaError MACULA_USAGE listing what is supported */
export function parseWaitCondition(text: string): WaitCondition {
  if (text === 'ready' || text === 'reachable') return { kind: text };
  const peers = /^peers>=(\d{1,6})$/.exec(text);
  if (peers) return { kind: 'peers', count: Number(peers[1]) };
  if (text.startsWith('key=') && text.length > 4) return { kind: 'key', key: text.slice(4) };
  throw new MaculaError('MACULA_USAGE', `cannot wait for ${JSON.stringify(text)}`, {
    hint: `Wait for one of: ${supported.join(', ')}.`,
    details: { for: text, supported },
  });
}

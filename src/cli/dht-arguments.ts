import { string } from '@oclif/core/args';
import { boolean, custom, integer } from '@oclif/core/flags';
import { MaculaError } from '../lib/base/errors.js';
import { described, timeoutFlag } from './flags.js';

/** How long a command about the DHT waits for its outcome. */
export const dhtTimeoutMs = 30_000;
export const dhtTimeout = timeoutFlag('How long to wait for the outcome', dhtTimeoutMs);

export const keyArgument = string({ description: 'Name of the key', required: true, ignoreStdin: true, parse: async (text) => readName(text) });
export const nameArgument = string({ description: 'Name of the procedure or topic', required: true, ignoreStdin: true, parse: async (text) => readName(text) });

/** Flags of the commands that write. */
export const writeFlags = {
  'min-replicas': integer({ description: described('Confirmed replicas that count as success; the majority where absent'), min: 1, max: 64, helpValue: '<n>' }),
  'expect-seq': integer({ description: described('Only over a record of exactly this sequence; 0: only where there is none'), min: 0, helpValue: '<n>' }),
  owned: boolean({ description: described('A key that only this node can write; others name this node with --owner') }),
};

/** The flag that names whose key is meant. */
export const ownerFlag = custom<string>({
  description: described('Node id of the owner, for a key written with --owned'),
  helpValue: '<id>',
  parse: async (text) => readOwner(text),
})();

function readName(text: string): string {
  if (text.length >= 1 && text.length <= 1024) return text;
  throw new MaculaError('MACULA_USAGE', `a name has 1 to 1024 characters, not ${text.length}`);
}

function readOwner(text: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase();
  throw new MaculaError('MACULA_USAGE', `not a node id: ${JSON.stringify(text)}`, { hint: 'A node id has 64 hexadecimal characters; `macula node status` shows it.' });
}

/** `object` without the fields that are undefined. */
export function given<Fields extends object>(object: Fields): { [Name in keyof Fields]: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}

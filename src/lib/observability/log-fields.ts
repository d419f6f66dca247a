import { MaculaError } from '../base/errors.js';

/** Names of fields whose value never reaches a log. */
const secretName = /secret|password|passphrase|private_?key|keypem|token/i;
/** Deeper than anything logged on purpose, and an end for what refers to itself. */
const maxDepth = 6;
const maxTextLength = 4096;
const maxItems = 100;

function loggableError(error: Error, depth: number): unknown {
  const base = error instanceof MaculaError ? { ...error.toJSON(), details: loggable(error.details, depth + 1) } : { name: error.name, message: error.message };
  const cause = error.cause === undefined ? {} : { cause: loggable(error.cause, depth + 1) };
  return { ...base, stack: error.stack, ...cause };
}

function loggable(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.length > maxTextLength ? `${value.slice(0, maxTextLength)}…` : value;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth > maxDepth) return '…';
  if (value instanceof Error) return loggableError(value, depth);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => loggable(item, depth + 1));
  return loggableFields(value as Record<string, unknown>, depth + 1);
}

/**
 * Fields fit to be logged: secrets withheld by their name, errors with code and cause, bytes counted rather than
 * shown, long texts and lists cut.
 */
export function loggableFields(fields: Record<string, unknown>, depth = 0): Record<string, unknown> {
  const entries = Object.entries(fields).slice(0, maxItems);
  return Object.fromEntries(entries.map(([name, value]) => [name, secretName.test(name) ? '(withheld)' : loggable(value, depth)]));
}

/** Controls of C1 and line or direction marks, which JSON leaves as they are and terminals may obey. */
const obeyed = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A line of JSON with nothing in it that a terminal or line reader could obey; still the same JSON. */
export function escapeLine(line: string): string {
  return line.replace(obeyed, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

import { z } from 'zod';
import { MaculaError } from '../base/errors.js';
import { formatDuration, formatSize, parseDurationMs, parseSizeBytes } from '../base/units.js';
import { nearestName } from './nearest-name.js';

/** Groups settings are documented under, in this order. */
export const settingGroups = ['node', 'identity', 'transport', 'session', 'peers', 'pool', 'dht', 'rpc', 'pubsub', 'nat', 'operations'] as const;
export type SettingGroup = (typeof settingGroups)[number];

/** One setting: its type with range, its names and its default with the reason for it. */
export interface Setting<Value = unknown> {
  /** Takes text (flag, environment), JSON (file) or an already typed value. */
  readonly schema: z.ZodType<Value>;
  readonly default: Value;
  readonly group: SettingGroup;
  /** What it is, one sentence. */
  readonly about: string;
  /** Why the default is what it is. */
  readonly why: string;
  /** How type, unit and range are shown in the reference. */
  readonly shape: string;
  /** Flag of `macula node start`, without dashes; only the settings people meet first have one. */
  readonly flag?: string;
  /** Never shown by `config show` or logged. */
  readonly secret?: boolean;
  /** How a value is shown. */
  format(value: Value): string;
  /** What to write instead of a value that was refused. */
  suggest(written: string): string;
}

/** A setting's description without what its kind already says. */
export interface Described<Value> {
  default: Value;
  group: SettingGroup;
  about: string;
  why: string;
  flag?: string;
  secret?: boolean;
}

function fromText<Value>(parse: (text: string) => unknown, schema: z.ZodType<Value>): z.ZodType<Value> {
  const preprocess = (input: unknown, context: z.core.$RefinementCtx): unknown => {
    if (typeof input !== 'string') return input;
    try {
      return parse(input);
    } catch (error) {
      context.addIssue({ code: 'custom', message: MaculaError.from(error).message, input });
      return z.NEVER;
    }
  };
  return z.preprocess(preprocess, schema) as unknown as z.ZodType<Value>;
}

const digits = /^\d+$/;

const wholeNumber = (text: string): unknown => (/^-?\d+$/.test(text.trim()) ? Number(text) : text);
const anyNumber = (text: string): unknown => (/^-?\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : text);
const truth = (text: string): unknown => {
  const lower = text.trim().toLowerCase();
  if (['true', '1', 'yes', 'on'].includes(lower)) return true;
  if (['false', '0', 'no', 'off'].includes(lower)) return false;
  return text;
};

const inRange = (value: number, min: number, max: number): boolean => value >= min && value <= max;

export function integer(min: number, max: number, described: Described<number>): Setting<number> {
  return { ...described, schema: fromText(wholeNumber, z.int().min(min).max(max)), shape: `whole number, ${min} to ${max}`, format: String, suggest: () => String(described.default) };
}

export function ratio(described: Described<number>): Setting<number> {
  return { ...described, schema: fromText(anyNumber, z.number().min(0).max(1)), shape: 'number, 0 to 1', format: String, suggest: () => String(described.default) };
}

/** Milliseconds inside; written `500ms`, `5s`, `2m`. */
export function duration(minMs: number, maxMs: number, described: Described<number>): Setting<number> {
  return {
    ...described,
    schema: fromText((written) => parseDurationMs(written), z.int().min(minMs).max(maxMs)),
    shape: `duration, ${formatDuration(minMs)} to ${formatDuration(maxMs)}`,
    format: formatDuration,
    suggest: (written) => (digits.test(written) && inRange(Number(written), minMs, maxMs) ? `${written}ms` : formatDuration(described.default)),
  };
}

/** Bytes inside; written `64KiB`, `1MiB`. */
export function size(minBytes: number, maxBytes: number, described: Described<number>): Setting<number> {
  return {
    ...described,
    schema: fromText(parseSizeBytes, z.int().min(minBytes).max(maxBytes)),
    shape: `size, ${formatSize(minBytes)} to ${formatSize(maxBytes)}`,
    format: formatSize,
    suggest: (written) => (digits.test(written) && inRange(Number(written), minBytes, maxBytes) ? `${written}B` : formatSize(described.default)),
  };
}

export function flag(described: Described<boolean>): Setting<boolean> {
  return { ...described, schema: fromText(truth, z.boolean()), shape: 'true or false', format: String, suggest: () => String(described.default) };
}

export function text(maxLength: number, described: Described<string>): Setting<string> {
  return {
    ...described,
    schema: z.string().max(maxLength),
    shape: `text, at most ${maxLength} characters`,
    format: (value) => value,
    suggest: (written) => (written.length > maxLength ? 'a shorter text' : JSON.stringify(written)),
  };
}

/** Comma-separated in flags and environment, an array in the file. */
export function list(maxItems: number, described: Described<readonly string[]>): Setting<readonly string[]> {
  const split = (input: string): string[] => input.split(',').map((item) => item.trim()).filter(Boolean);
  return {
    ...described,
    schema: fromText(split, z.array(z.string().min(1).max(512)).max(maxItems)),
    shape: `comma-separated list, at most ${maxItems}`,
    format: (value) => value.join(','),
    suggest: () => `a list of at most ${maxItems} short texts`,
  };
}

export function oneOf<const Name extends string>(names: readonly Name[], described: Described<Name>): Setting<Name> {
  return {
    ...described,
    schema: z.enum(names) as unknown as z.ZodType<Name>,
    shape: `one of ${names.join(', ')}`,
    format: String,
    suggest: (written) => nearestName(written, names) ?? described.default,
  };
}

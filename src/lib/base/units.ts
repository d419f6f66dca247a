import { MaculaError } from './errors.js';

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizeUnits = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

function parseQuantity(text: string, units: Record<string, number>, what: string, example: string, name?: string): number {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]+)$/.exec(text.trim());
  const factor = match && Object.hasOwn(units, match[2]!) ? units[match[2]!] : undefined;
  if (!match || factor === undefined) {
    throw new MaculaError('MACULA_USAGE', `${name === undefined ? '' : `${name} is `}not a ${what}: ${JSON.stringify(text)}`, {
      hint: `Write a number and a unit (${Object.keys(units).join(', ')}), for example ${example}.`,
    });
  }
  return Math.round(Number(match[1]) * factor);
}

/**
 * Milliseconds of a duration such as `500ms`, `5s`, `1.5m`.
 * @param name what the text was given as, for the message
 * @throws MaculaError MACULA_USAGE
 */
export function parseDurationMs(text: string, name?: string): number {
  return parseQuantity(text, durationUnits, 'duration', '500ms or 5s', name);
}

/** Bytes of a size such as `64KiB` or `1MiB`. @throws MaculaError MACULA_USAGE */
export function parseSizeBytes(text: string): number {
  return parseQuantity(text, sizeUnits, 'size', '64KiB');
}

/** A duration in its largest whole unit: 5000 → `5s`, 1500 → `1500ms`. */
export function formatDuration(durationMs: number): string {
  const unit = (['d', 'h', 'm', 's'] as const).find((name) => durationMs !== 0 && durationMs % durationUnits[name] === 0);
  return unit ? `${durationMs / durationUnits[unit]}${unit}` : `${durationMs}ms`;
}

/** A size in its largest whole unit: 65536 → `64KiB`. */
export function formatSize(bytes: number): string {
  const unit = (['GiB', 'MiB', 'KiB'] as const).find((name) => bytes !== 0 && bytes % sizeUnits[name] === 0);
  return unit ? `${bytes / sizeUnits[unit]}${unit}` : `${bytes}B`;
}

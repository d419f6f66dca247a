/** Rows as columns padded to their widest cell, two spaces apart, no trailing blanks. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  return rows.map((row) => row.map((cell, index) => cell.padEnd(widths[index]!)).join('  ').trimEnd()).join('\n');
}

/** `name  value` lines; entries without a value are left out. */
export function facts(entries: readonly (readonly [string, string | undefined])[]): string {
  return columns(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** A round-trip time as people read it: `0.31 ms`, `42 ms`. */
export function humanMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  return ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** A span as people read it: `12s`, `3m 5s`, `2h 10m`, `4d 3h`. */
export function humanSeconds(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
  return `${Math.floor(whole / 86_400)}d ${Math.floor((whole % 86_400) / 3600)}h`;
}

/** An amount of data as people read it: `512 B`, `1.4 MiB`. */
export function humanBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** The beginning of a node id that people tell nodes apart by. */
export function shortId(nodeId: string): string {
  return nodeId.slice(0, 8);
}

/** Text from outside made safe for a terminal: control characters are shown as escapes. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** The same, but lines stay lines and tabs stay tabs. */
export function printableLines(text: string): string {
  return text.replace(/[^\n\t]+/g, printable);
}

import { printable } from '../text.js';

/** Styles a terminal may show; none carries meaning that the text does not. */
export type SegmentStyle = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'inverse';

export interface Segment {
  readonly text: string;
  readonly styles: readonly SegmentStyle[];
}

/** A line of the screen. */
export type Line = readonly Segment[];

export function segment(text: string, ...styles: SegmentStyle[]): Segment {
  return { text: printable(text), styles };
}

/** The line without its styles. */
export function plainText(line: Line): string {
  return line.map(({ text }) => text).join('').trimEnd();
}

/** Cut to a width, an ellipsis in the place of what is missing. */
export function cut(text: string, width: number, ellipsis: string): string {
  const safe = printable(text);
  return safe.length <= width ? safe : `${safe.slice(0, Math.max(0, width - 1))}${ellipsis}`;
}

/** The line cut or filled up to exactly this width. */
export function fit(line: Line, width: number): Line {
  let left = width;
  const fitted: Segment[] = [];
  for (const { text, styles } of line) {
    if (left <= 0) break;
    fitted.push({ text: text.slice(0, left), styles });
    left -= text.length;
  }
  return left > 0 ? [...fitted, { text: ' '.repeat(left), styles: line.at(-1)?.styles ?? [] }] : fitted;
}

/** The characters pictures are made of: in Unicode, or for terminals without it. */
export interface Glyphs {
  /** Lowest to highest. */
  readonly levels: string;
  readonly bar: readonly [full: string, empty: string];
  readonly up: string;
  readonly down: string;
  readonly chosen: string;
  readonly warning: string;
  readonly ellipsis: string;
  readonly descending: string;
  readonly ascending: string;
}

export const unicodeGlyphs: Glyphs = { levels: '▁▂▃▄▅▆▇█', bar: ['━', '─'], up: '↑', down: '↓', chosen: '▸', warning: '▲', ellipsis: '…', descending: '▾', ascending: '▴' };
export const asciiGlyphs: Glyphs = { levels: '_.-=*#', bar: ['#', '.'], up: '>', down: '<', chosen: '>', warning: '!', ellipsis: '~', descending: 'v', ascending: '^' };

/** The last values as a line of levels, as wide as asked; the highest is full height. */
export function sparkline(values: readonly number[], width: number, { levels }: Glyphs): string {
  const last = values.slice(-width);
  const most = Math.max(...last, 0);
  const drawn = last.map((value) => levels[most === 0 ? 0 : Math.min(levels.length - 1, Math.floor((value / most) * levels.length))]!);
  return drawn.join('').padStart(width);
}

/** A share (0 to 1) as a bar. */
export function shareBar(share: number, width: number, { bar: [full, empty] }: Glyphs): readonly [full: string, empty: string] {
  const filled = Math.round(share * width);
  return [full.repeat(filled), empty.repeat(width - filled)];
}

import { overviewLines, titleLine } from './overview.js';
import { peerLines, tableForm, tableHead, tableRow } from './peer-table.js';
import { asciiGlyphs, fit, plainText, segment, unicodeGlyphs, type Glyphs, type Line } from './segments.js';
import { initialState, shownRows, type TopState } from './top-state.js';
import type { PeerRow, TopView } from './top-view.js';

export interface Screen {
  readonly width: number;
  readonly height: number;
  /** Whether it can show more than ASCII. */
  readonly unicode: boolean;
  /** Why there is nothing newer; undefined while there is. */
  readonly trouble?: string | undefined;
}

const keys: readonly (readonly [key: string, does: string])[] = [
  ['up, down, j, k', 'choose a peer'],
  ['return', 'look into it; escape goes back'],
  ['s, r', 'sort by the next column, in the opposite order'],
  ['/', 'show only peers that have it in id, address, path or state'],
  ['p, space', 'pause and go on'],
  ['h, ?', 'this help'],
  ['q', 'quit'],
];

/** The whole screen, exactly as many lines as it has. */
export function layout(view: TopView, state: TopState, screen: Screen): Line[] {
  const { width, height, trouble } = screen;
  const glyphs = glyphsOf(screen);
  const rows = shownRows(view.rows, state);
  const top: Line[] = [titleLine(view, width, trouble === undefined ? (state.paused ? 'PAUSED' : undefined) : 'NO ANSWER')];
  const body = state.mode === 'help' ? helpLines() : [...overviewLines(view, glyphs), ...(trouble === undefined ? [] : [[segment(` ${glyphs.warning} ${trouble}`, 'red', 'bold')]]), []];
  const foot = footLine(state, rows.length, view.rows.length);
  const room = Math.max(0, height - top.length - body.length - 1);
  const rest = state.mode === 'help' ? [] : state.mode === 'peer' ? detail(rows, state, glyphs) : table(rows, state, room, width, glyphs);
  const upper = [...top, ...body, ...rest].slice(0, Math.max(0, height - 1));
  while (upper.length < height - 1) upper.push([]);
  return [...upper, foot].slice(-height).map((line) => fit(line, width));
}

/** The same for a reader without a terminal: every peer, no footer. */
export function plainSnapshot(view: TopView, width: number, unicode: boolean): string {
  const glyphs = glyphsOf({ unicode });
  const rows = shownRows(view.rows, initialState);
  const form = tableForm(rows, width, glyphs);
  const table = rows.length === 0 ? [[segment(' no peers')]] : [tableHead(initialState, form), ...rows.map((row) => tableRow(row, false, form))];
  const lines = [titleLine(view, width, undefined), ...overviewLines(view, glyphs), [], ...table];
  return lines.map(plainText).join('\n');
}

function glyphsOf({ unicode }: Pick<Screen, 'unicode'>): Glyphs {
  return unicode ? unicodeGlyphs : asciiGlyphs;
}

function table(rows: readonly PeerRow[], state: TopState, room: number, width: number, glyphs: Glyphs): Line[] {
  if (rows.length === 0) return [[segment(state.filter === '' ? ' no peers' : ' no peer fits the filter', 'dim')]];
  const places = Math.max(1, room - 1);
  const chosen = rows.findIndex(({ key }) => key === state.selected);
  // The chosen row stays on the screen, with as many as fit above it.
  const first = Math.max(0, Math.min(rows.length - places, chosen - places + 1));
  const shown = rows.slice(first, first + places);
  const form = tableForm(shown, width, glyphs);
  return [tableHead(state, form), ...shown.map((row) => tableRow(row, row.key === state.selected, form))];
}

function detail(rows: readonly PeerRow[], state: TopState, glyphs: Glyphs): Line[] {
  const row = rows.find(({ key }) => key === state.selected);
  return row ? peerLines(row, glyphs) : [[segment(' this peer is gone', 'dim')]];
}

function helpLines(): Line[] {
  const width = Math.max(...keys.map(([key]) => key.length));
  const about = ['P50 and P99: half, and 99 of 100, of the last interval took no longer.', 'The bar shows the share of bytes that went straight, not through relays.'];
  return [[], ...keys.map(([key, does]): Line => [segment(`  ${key.padEnd(width)}  `, 'bold'), segment(does)]), [], ...about.map((text): Line => [segment(`  ${text}`, 'dim')])];
}

function footLine({ mode, filter }: TopState, shown: number, all: number): Line {
  if (mode === 'filter') return [segment(' filter: ', 'bold'), segment(filter), segment('_', 'inverse'), segment('   return keeps it, escape shows all', 'dim')];
  const hint = mode === 'peer' ? 'escape back  up/down next peer  h help  q quit' : mode === 'help' ? 'any key back  q quit' : 's sort  r reverse  / filter  arrows choose  return look into  h help  q quit';
  const filtered = filter === '' ? [] : [segment(` ${shown} of ${all} have "${filter}" `, 'yellow')];
  return [...filtered, segment(` ${hint}`, 'dim')];
}

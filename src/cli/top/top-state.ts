import type { PeerRow } from './top-view.js';

/** What whoever watches has chosen. */
export interface TopState {
  readonly sort: SortKey;
  /** Against the order the column usually has. */
  readonly reversed: boolean;
  /** Rows that hold it in id, address, path or state; all where empty. */
  readonly filter: string;
  readonly mode: 'list' | 'filter' | 'peer' | 'help';
  /** Key of the chosen row. */
  readonly selected: string | undefined;
  readonly paused: boolean;
}

export const sortKeys = ['node', 'address', 'path', 'rtt', 'sent', 'received'] as const;
export type SortKey = (typeof sortKeys)[number];

export const initialState: TopState = { sort: 'rtt', reversed: false, filter: '', mode: 'list', selected: undefined, paused: false };

/** A key as it was pressed: its name where it has one, otherwise the characters it stands for. */
export type Key = 'up' | 'down' | 'pageUp' | 'pageDown' | 'return' | 'escape' | 'backspace' | { readonly text: string };

/** Rows a page key goes. */
const pageRows = 10;
const longestFilter = 64;

/** The state after a key; undefined where the key quits. @param rows as they are shown, in order */
export function pressKey(state: TopState, key: Key, rows: readonly PeerRow[]): TopState | undefined {
  switch (state.mode) {
    case 'filter':
      return pressInFilter(state, key);
    case 'help':
      return isText(key, 'q') ? undefined : { ...state, mode: 'list' };
    case 'peer':
      if (key === 'escape' || key === 'return' || key === 'backspace' || isText(key, 'h', '?')) return { ...state, mode: isText(key, 'h', '?') ? 'help' : 'list' };
      return pressInList(state, key, rows);
    case 'list':
      return pressInList(state, key, rows);
  }
}

function isText(key: Key, ...texts: string[]): boolean {
  return typeof key === 'object' && texts.includes(key.text);
}

function pressInFilter(state: TopState, key: Key): TopState {
  if (key === 'return') return { ...state, mode: 'list' };
  if (key === 'escape') return { ...state, mode: 'list', filter: '' };
  if (key === 'backspace') return { ...state, filter: state.filter.slice(0, -1) };
  if (typeof key !== 'object') return state;
  return { ...state, filter: (state.filter + key.text.replace(/[^\x20-\x7e]/g, '')).slice(0, longestFilter) };
}

function pressInList(state: TopState, key: Key, rows: readonly PeerRow[]): TopState | undefined {
  switch (key) {
    case 'up':
      return select(state, rows, -1);
    case 'down':
      return select(state, rows, 1);
    case 'pageUp':
      return select(state, rows, -pageRows);
    case 'pageDown':
      return select(state, rows, pageRows);
    case 'return':
      return indexOf(state, rows) < 0 && rows.length === 0 ? state : { ...(indexOf(state, rows) < 0 ? select(state, rows, 1) : state), mode: 'peer' };
    case 'escape':
      return { ...state, filter: '', selected: undefined };
    case 'backspace':
      return state;
    default:
      return pressCharacter(state, key.text, rows);
  }
}

function pressCharacter(state: TopState, character: string, rows: readonly PeerRow[]): TopState | undefined {
  switch (character) {
    case 'q':
      return undefined;
    case 's':
      return { ...state, sort: sortKeys[(sortKeys.indexOf(state.sort) + 1) % sortKeys.length]!, reversed: false };
    case 'r':
      return { ...state, reversed: !state.reversed };
    case '/':
      return { ...state, mode: 'filter' };
    case ' ':
    case 'p':
      return { ...state, paused: !state.paused };
    case 'h':
    case '?':
      return { ...state, mode: 'help' };
    case 'k':
      return select(state, rows, -1);
    case 'j':
      return select(state, rows, 1);
    default:
      return state;
  }
}

function indexOf({ selected }: TopState, rows: readonly PeerRow[]): number {
  return rows.findIndex(({ key }) => key === selected);
}

function select(state: TopState, rows: readonly PeerRow[], by: number): TopState {
  if (rows.length === 0) return state;
  const index = indexOf(state, rows);
  const wanted = index < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, index + by));
  return { ...state, selected: rows[wanted]!.key };
}

/** The rows that are shown, in their order. Connected ones come first whatever they are sorted by. */
export function shownRows(rows: readonly PeerRow[], { sort, reversed, filter }: TopState): PeerRow[] {
  const wanted = filter.toLowerCase();
  const found = rows.filter(({ peer }) => [peer.nodeId, peer.address, peer.path, peer.relay, peer.state].some((text) => text?.toLowerCase().includes(wanted)));
  const sign = reversed ? -1 : 1;
  return found.sort((a, b) => Number(b.peer.state === 'connected') - Number(a.peer.state === 'connected') || sign * compare(a, b, sort) || a.key.localeCompare(b.key));
}

function compare(a: PeerRow, b: PeerRow, sort: SortKey): number {
  switch (sort) {
    case 'node':
      return a.key.localeCompare(b.key);
    case 'address':
      return (a.peer.address ?? '').localeCompare(b.peer.address ?? '', 'en', { numeric: true });
    case 'path':
      return (a.peer.path ?? '').localeCompare(b.peer.path ?? '');
    case 'rtt':
      return (a.peer.rttMs ?? Infinity) - (b.peer.rttMs ?? Infinity) || 0;
    case 'sent':
      return (b.sentPerSecond ?? -1) - (a.sentPerSecond ?? -1);
    case 'received':
      return (b.receivedPerSecond ?? -1) - (a.receivedPerSecond ?? -1);
  }
}

import { humanMs, humanSeconds, shortId } from '../text.js';
import { byteRateText, bytesText } from './numbers.js';
import { cut, segment, sparkline, type Glyphs, type Line, type SegmentStyle } from './segments.js';
import type { SortKey, TopState } from './top-state.js';
import type { PeerRow } from './top-view.js';

interface Column {
  readonly head: string;
  readonly sort?: SortKey;
  readonly right?: boolean;
  /** Least width; what is left of the line goes to the address. */
  readonly width: number;
  /** Shown on lines at least so wide. */
  readonly from: number;
  readonly text: (row: PeerRow, glyphs: Glyphs) => string;
  readonly styles?: (row: PeerRow) => readonly SegmentStyle[];
}

/** An IPv4 address with its port; an IPv6 one has up to 47. */
const leastAddressWidth = 21;

/** How the lines of one table are set. */
export interface TableForm {
  readonly width: number;
  readonly addressWidth: number;
  readonly glyphs: Glyphs;
}

/** The form that fits these rows into lines of a width. */
export function tableForm(rows: readonly PeerRow[], width: number, glyphs: Glyphs): TableForm {
  const others = shownIn(width).reduce((sum, column) => sum + column.width + 1, 1) - leastAddressWidth;
  const longest = Math.max(...rows.map(({ peer }) => peer.address?.length ?? 0), leastAddressWidth);
  return { width, glyphs, addressWidth: Math.max(leastAddressWidth, Math.min(longest, width - 2 - others)) };
}

const columns: readonly Column[] = [
  { head: 'NODE', sort: 'node', width: 8, from: 0, text: ({ peer }) => (peer.nodeId === null ? '-' : shortId(peer.nodeId)), styles: () => ['bold'] },
  { head: 'ADDRESS', sort: 'address', width: leastAddressWidth, from: 0, text: ({ peer }) => peer.address ?? '-' },
  { head: 'PATH', sort: 'path', width: 12, from: 0, text: pathText, styles: pathStyles },
  { head: 'RTT', sort: 'rtt', width: 8, right: true, from: 0, text: ({ peer }) => (peer.rttMs === null ? '-' : humanMs(peer.rttMs)) },
  { head: 'SENT', sort: 'sent', width: 10, right: true, from: 0, text: ({ sentPerSecond }) => byteRateText(sentPerSecond) },
  { head: 'RECEIVED', sort: 'received', width: 10, right: true, from: 0, text: ({ receivedPerSecond }) => byteRateText(receivedPerSecond) },
  { head: 'FOR', width: 7, right: true, from: 96, text: ({ peer }) => (peer.state === 'connected' ? humanSeconds(peer.connectedSeconds) : '-') },
  { head: 'TOTAL', width: 8, right: true, from: 106, text: ({ peer }) => bytesText(peer.bytesSent + peer.bytesReceived) },
  { head: 'RTT HISTORY', width: 20, from: 130, text: ({ rttsMs }, glyphs) => sparkline(rttsMs, 20, glyphs), styles: () => ['cyan'] },
];

/** How the peer is reached, or why it is not. */
export function pathText({ peer }: PeerRow): string {
  if (peer.path === null) return peer.state;
  return peer.path === 'relay' && peer.relay !== null ? `via ${shortId(peer.relay)}` : peer.path;
}

function pathStyles({ peer }: PeerRow): readonly SegmentStyle[] {
  if (peer.path === 'direct') return ['green'];
  return [peer.state === 'refused' ? 'red' : 'yellow'];
}

/** Head of the table, the column it is sorted by marked. */
export function tableHead({ sort, reversed }: Pick<TopState, 'sort' | 'reversed'>, form: TableForm): Line {
  const { glyphs } = form;
  const cells = shownIn(form.width).map((column) => {
    const sorted = column.sort === sort;
    const mark = sorted ? (reversed ? glyphs.ascending : glyphs.descending) : '';
    return segment(padded(`${column.head}${mark}`, column, form), ...((sorted ? ['bold', 'cyan'] : ['dim']) as SegmentStyle[]));
  });
  return [segment('  '), ...separated(cells)];
}

export function tableRow(row: PeerRow, isChosen: boolean, form: TableForm): Line {
  const { glyphs } = form;
  const chosen: SegmentStyle[] = isChosen ? ['inverse'] : [];
  const cells = shownIn(form.width).map((column) => segment(padded(cut(column.text(row, glyphs), widthOf(column, form), glyphs.ellipsis), column, form), ...(column.styles?.(row) ?? []), ...chosen));
  return [segment(isChosen ? `${glyphs.chosen} ` : '  ', ...chosen), ...separated(cells, chosen)];
}

function shownIn(width: number): readonly Column[] {
  return columns.filter(({ from }) => width >= from);
}

function widthOf(column: Column, { addressWidth }: TableForm): number {
  return column.sort === 'address' ? addressWidth : column.width;
}

function padded(text: string, column: Column, form: TableForm): string {
  const width = widthOf(column, form);
  return column.right ? text.padStart(width) : text.padEnd(width);
}

function separated(cells: Line, styles: readonly SegmentStyle[] = []): Line {
  return cells.flatMap((cell, index) => (index === 0 ? [cell] : [{ text: ' ', styles }, cell]));
}

/** Everything known of one peer. */
export function peerLines({ peer, rttsMs, sentPerSecond, receivedPerSecond, connection }: PeerRow, glyphs: Glyphs): Line[] {
  const relayed = peer.relayedBytesSent + peer.relayedBytesReceived;
  const health = connection?.health;
  const facts: [name: string, value: string | undefined][] = [
    ['node', peer.nodeId ?? 'not known before it is reached'],
    ['address', peer.address ?? '-'],
    ['path', peer.path === null ? undefined : `${peer.path === 'relay' ? `relay ${peer.relay ?? '-'}` : peer.path}, ${peer.direction === 'in' ? 'it connected to this node' : 'this node connected to it'}`],
    ['state', peer.state === 'connected' ? `connected for ${humanSeconds(peer.connectedSeconds)}` : peer.state],
    ['error', peer.error ?? undefined],
    ['round trip', peer.rttMs === null ? undefined : `${humanMs(peer.rttMs)}  ${sparkline(rttsMs, 40, glyphs).trimStart()}  ${rangeText(rttsMs)}`],
    ['sent', `${byteRateText(sentPerSecond)}, ${bytesText(peer.bytesSent)} in all`],
    ['received', `${byteRateText(receivedPerSecond)}, ${bytesText(peer.bytesReceived)} in all`],
    ['relayed', relayed === 0 ? undefined : `${bytesText(relayed)} of them through relays`],
    ['pool', connection && `${connection.state}, ${connection.inFlight} in flight, idle for ${humanSeconds(connection.idleSeconds)}`],
    ['health', health && `${health.status}${health.consecutiveFailures === 0 ? '' : `, ${health.consecutiveFailures} failures in a row`}`],
  ];
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [[segment(` ${name.padEnd(11)}`, 'dim'), segment(value)]]));
}

function rangeText(rttsMs: readonly number[]): string {
  return rttsMs.length < 2 ? '' : `${humanMs(Math.min(...rttsMs))} to ${humanMs(Math.max(...rttsMs))}`;
}

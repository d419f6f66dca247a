import { humanSeconds, shortId } from '../text.js';
import { byteRateText, bytesText, countText, percentText, rateText, timeText } from './numbers.js';
import { segment, shareBar, sparkline, type Glyphs, type Line, type Segment } from './segments.js';
import type { Activity, TopView } from './top-view.js';

/** The upper part of the dashboard: the node as a whole. */

const labelWidth = 10;
const cellWidth = 9;
const barWidth = 14;
const mostWarnings = 2;

/** `HH:MM:SS` of this machine's time zone. */
export function clockText(wallMs: number): string {
  const date = new Date(wallMs);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** Who and how, from edge to edge. @param remark what to say on the right in place of the time */
export function titleLine({ status, wallMs }: TopView, width: number, remark: string | undefined): Line {
  const left = ` macula top  ${shortId(status.nodeId)}  realm ${status.realm}  ${status.state} for ${humanSeconds(status.uptimeSeconds)}  ${status.version}`;
  const right = `${remark ?? clockText(wallMs)} `;
  const room = Math.max(0, width - right.length);
  return [segment(left.slice(0, room).padEnd(room), 'inverse', 'bold'), segment(right, 'inverse')];
}

export function overviewLines(view: TopView, glyphs: Glyphs): Line[] {
  return [peersLine(view), trafficLine(view, glyphs), ...activityLines(view), loadLine(view), ...warningLines(view, glyphs)];
}

function label(text: string): Segment {
  return segment(` ${text.padEnd(labelWidth)}`, 'dim');
}

function peersLine({ status }: TopView): Line {
  const { peers, nat, relays, publicAddress } = status;
  return [
    label('peers'),
    segment(`${peers.connected} connected`, 'bold'),
    segment('  '),
    segment(`${peers.direct} direct`, 'green'),
    segment('  '),
    segment(`${peers.relayed} relayed`, ...(peers.relayed > 0 ? (['yellow'] as const) : [])),
    segment('   nat ', 'dim'),
    segment(nat?.type ?? 'not known'),
    ...(relays.length > 0 ? [segment('  relays ', 'dim'), segment(String(relays.length))] : []),
    ...(publicAddress === null ? [] : [segment('  at ', 'dim'), segment(publicAddress)]),
  ];
}

function trafficLine({ traffic }: TopView, glyphs: Glyphs): Line {
  const { sentPerSecond, receivedPerSecond, directShare, history } = traffic;
  const rates = [
    label('traffic'),
    segment(`${glyphs.up} ${byteRateText(sentPerSecond).padEnd(10)} ${glyphs.down} ${byteRateText(receivedPerSecond).padEnd(10)} `),
    segment(sparkline(history, barWidth, glyphs), 'cyan'),
  ];
  if (directShare === null) return rates;
  const [direct, relayed] = shareBar(directShare, barWidth, glyphs);
  return [...rates, segment('  direct ', 'dim'), segment(percentText(directShare)), segment(' '), segment(direct, 'green'), segment(relayed, 'yellow')];
}

/** What the node does for itself on the left, for others on the right. */
function activityLines({ rpc, pubsub, dht, pool, process, status }: TopView): Line[] {
  const heads = ['RATE', 'P50', 'P99'].map((head) => head.padStart(cellWidth)).join('');
  const poolText = `${countText(pool.size)} of ${countText(pool.max)}, hits ${percentText(pool.hitRate)}`;
  const dhtSize = `${countText(status.dht?.nodes ?? null)} nodes, ${countText(status.dht?.records ?? null)} records, ${bytesText(dht.recordBytes)}`;
  const right = (text: string): Segment => segment(`   ${text.padEnd(labelWidth)}`, 'dim');
  return [
    [segment(` ${' '.repeat(labelWidth)}${heads}   ${' '.repeat(labelWidth)}${heads}`, 'dim')],
    [label('rpc calls'), ...cells(rpc.called), right('served'), ...cells(rpc.served)],
    [label('published'), ...cells(pubsub.published), right('delivered'), ...cells(pubsub.delivered)],
    [label('dht'), ...cells(dht), right('holds'), segment(dhtSize)],
    [label('pool'), segment(poolText.padEnd(3 * cellWidth)), right('process'), segment(`loop ${timeText(process.loopDelayMs)}, ${bytesText(process.memoryBytes)}`)],
  ];
}

function cells({ perSecond, p50Ms, p99Ms }: Activity): Segment[] {
  return [segment(rateText(perSecond).padStart(cellWidth), ...((perSecond ?? 0) > 0 ? (['bold'] as const) : [])), segment(timeText(p50Ms).padStart(cellWidth)), segment(timeText(p99Ms).padStart(cellWidth))];
}

function loadLine({ rpc, pubsub }: TopView): Line {
  const { failedPerSecond, inFlight } = rpc;
  const { droppedPerSecond, queued } = pubsub;
  const trouble = (perSecond: number | null, what: string): Segment => segment(`${what} ${rateText(perSecond)}`, ...((perSecond ?? 0) > 0 ? (['red', 'bold'] as const) : []));
  return [
    label('load'),
    segment(`calls in flight ${countText(inFlight)}, `),
    trouble(failedPerSecond, 'failed'),
    segment(`, queued ${countText(queued)}, `),
    trouble(droppedPerSecond, 'dropped'),
  ];
}

function warningLines({ status: { warnings } }: TopView, { warning }: Glyphs): Line[] {
  const rank = { high: 0, medium: 1, low: 2 };
  const worst = [...warnings].sort((a, b) => rank[a.severity] - rank[b.severity]);
  const shown = worst.slice(0, worst.length > mostWarnings ? mostWarnings - 1 : mostWarnings);
  const lines = shown.map(({ code, severity, message }): Line => [segment(` ${warning} ${code}: ${message}`, severity === 'high' ? 'red' : 'yellow')]);
  if (shown.length < worst.length) lines.push([segment(` ${warning} ${worst.length - shown.length} more warnings: macula doctor`, 'yellow')]);
  return lines;
}

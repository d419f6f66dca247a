import type { HealthFacts } from './health-facts.js';
import { percentile } from './percentile.js';
import { warningOf, type HealthWarning } from './warning-catalogue.js';

/** Dialling every bootstrap node takes one dial timeout; three of them are beyond bad luck. */
export const lonelyAfterMs = 30_000;
/** A lost relay is replaced within seconds where there is another. */
const relaylessAfterMs = 30_000;
const expiresSoonDays = 30;
const expiresVerySoonDays = 7;
const mib = 1024 * 1024;
/** Room for the records a node holds by default, twice. */
const diskLowBytes = 512 * mib;
const diskVeryLowBytes = 64 * mib;
/** NTP keeps clocks within a second; whoever is a minute off has none. Records are refused from ten minutes on. */
const skewMs = 60_000;
const skewHighMs = 5 * 60_000;
const lostTooManyPerSecond = 10;
const unwantedTooManyPerSecond = 100;

type Rule = (facts: HealthFacts) => HealthWarning | undefined;

const partFailed: Rule = ({ failure }) => (failure === undefined ? undefined : warningOf('part-failed', 'high', failure));

const storeFailing: Rule = ({ storeFailure }) => (storeFailure === undefined ? undefined : warningOf('store-failing', 'high', `The store takes no writes: ${storeFailure}.`));

const storeSetAside: Rule = (facts) =>
  facts.storeSetAside ? warningOf('store-set-aside', 'high', 'The store was damaged and moved aside; the node began with an empty one.') : undefined;

const certificateExpires: Rule = ({ certificateDaysLeft: daysLeft }) => {
  if (daysLeft >= expiresSoonDays) return undefined;
  const when = daysLeft < 0 ? 'has expired' : `expires in ${Math.floor(daysLeft)} days`;
  return warningOf('certificate-expires', daysLeft < expiresVerySoonDays ? 'high' : 'medium', `The certificate ${when}.`);
};

const noPeers: Rule = ({ phase, bootstrapNodes, knownPeers, connectedPeers, uptimeMs }) => {
  const lonely = phase === 'started' && bootstrapNodes + knownPeers > 0 && connectedPeers === 0 && uptimeMs >= lonelyAfterMs;
  return lonely ? warningOf('no-peers', 'medium', 'No peer is connected.') : undefined;
};

const peerRefused: Rule = ({ refusedPeer }) =>
  refusedPeer && warningOf('peer-refused', 'medium', `The configured peer ${refusedPeer.target} and this node do not want each other (${refusedPeer.code}).`);

const relaysLost: Rule = ({ relaylessForMs }) =>
  relaylessForMs === undefined || relaylessForMs < relaylessAfterMs
    ? undefined
    : warningOf('relays-lost', 'medium', `This node needs a relay to be reached and has had none for ${Math.floor(relaylessForMs / 1000)} s.`);

const natBlocked: Rule = (facts) => (facts.natBlocked ? warningOf('nat-blocked', 'medium', 'No UDP comes back from outside.') : undefined);

const clockSkew: Rule = ({ peerClocksAheadMs }) => {
  // One peer with a wrong clock says nothing of the one here; the median is wrong only when most are.
  const aheadMs = percentile(peerClocksAheadMs, 0.5);
  const skew = Math.abs(aheadMs);
  if (skew < skewMs) return undefined;
  const direction = aheadMs > 0 ? 'behind' : 'ahead of';
  return warningOf('clock-skew', skew < skewHighMs ? 'medium' : 'high', `The clock here is ${Math.round(skew / 1000)} s ${direction} that of most peers (${peerClocksAheadMs.length} asked).`);
};

const diskLow: Rule = ({ diskFreeBytes: free }) =>
  free === undefined || free >= diskLowBytes ? undefined : warningOf('disk-low', free < diskVeryLowBytes ? 'high' : 'medium', `The disk of the data directory has ${Math.floor(free / mib)} MiB free.`);

const descriptorsLow: Rule = ({ descriptors }) => {
  if (!descriptors || descriptors.open <= 0.8 * descriptors.limit) return undefined;
  return warningOf('descriptors-low', descriptors.open > 0.95 * descriptors.limit ? 'high' : 'medium', `${descriptors.open} of ${descriptors.limit} file descriptors are open.`);
};

const socketBuffersSmall: Rule = ({ receiveBuffer }) => {
  if (!receiveBuffer || receiveBuffer.grantedBytes * 2 >= receiveBuffer.wantedBytes) return undefined;
  const { grantedBytes, wantedBytes } = receiveBuffer;
  return warningOf('socket-buffers-small', 'low', `The UDP socket has a receive buffer of ${Math.floor(grantedBytes / 1024)} KiB; ${Math.floor(wantedBytes / 1024)} KiB were asked for.`);
};

const datagramsLost: Rule = ({ lostPerSecond }) =>
  lostPerSecond < lostTooManyPerSecond ? undefined : warningOf('datagrams-lost', 'medium', `The system drops ${Math.round(lostPerSecond)} datagrams a second because the receive buffer is full.`);

const datagramsUnwanted: Rule = ({ unwantedPerSecond }) =>
  unwantedPerSecond < unwantedTooManyPerSecond ? undefined : warningOf('datagrams-unwanted', 'low', `${Math.round(unwantedPerSecond)} datagrams a second are dropped as none this node wants.`);

const rules: readonly Rule[] = [
  partFailed, storeFailing, storeSetAside, certificateExpires, noPeers, peerRefused, relaysLost, natBlocked, clockSkew, diskLow, descriptorsLow, socketBuffersSmall, datagramsLost, datagramsUnwanted,
];
const severityOrder = { high: 0, medium: 1, low: 2 } as const;

/** What an operator should know, the worst first. */
export function warningsOf(facts: HealthFacts): HealthWarning[] {
  const found = rules.flatMap((rule) => rule(facts) ?? []);
  return found.sort((a, b) => severityOrder[a.severity] - severityOrder[b.severity]);
}

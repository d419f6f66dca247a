import type { PeerWhyResult } from '../lib/control/protocol-nat.js';
import { columns, facts, humanMs, humanSeconds, shortId } from './text.js';

function natText(nat: PeerWhyResult['ownNat'] | null): string {
  return nat ? `${nat.type} (mapping ${nat.mapping}, filtering ${nat.filtering}, ports ${nat.ports})` : 'not known';
}

/** Why packets to a peer take the way they do, as lines for people. */
export function whyText(why: PeerWhyResult): string {
  const way = why.path === null ? 'not connected' : why.relay === null ? why.path : `relay ${shortId(why.relay)}`;
  const parts = [facts([['peer', why.nodeId], ['path', way], ['own nat', natText(why.ownNat)], ['nat of the peer', natText(why.peerNat)]])];
  if (why.paths.length > 0) {
    const rows = why.paths.map(({ path, via, state, selected, rttMs }) => [path, path === 'relay' ? shortId(via) : via, selected ? `${state}, in use` : state, rttMs === null ? '-' : humanMs(rttMs)]);
    parts.push(columns([['PATH', 'VIA', 'STATE', 'RTT'], ...rows]));
  }
  if (why.candidates.length > 0) {
    parts.push(columns([['SIDE', 'KIND', 'CANDIDATE', 'RESULT'], ...why.candidates.map(({ side, kind, address, result }) => [side, kind, address, result ?? 'for the peer to try'])]));
  }
  if (why.attempts.length > 0) {
    const rows = why.attempts.map(({ secondsAgo, role, technique, outcome, probes, durationMs }) => [`${humanSeconds(secondsAgo)} ago`, role, technique ?? '-', outcome, String(probes), humanMs(durationMs)]);
    parts.push(columns([['ATTEMPT', 'ROLE', 'TECHNIQUE', 'OUTCOME', 'PROBES', 'TOOK'], ...rows]));
  }
  return [...parts, why.advice].join('\n\n');
}

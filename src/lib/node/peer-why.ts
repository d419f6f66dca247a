import { formatAddress, type SocketAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { PeerWhyResult } from '../control/protocol-nat.js';
import type { NodeId } from '../identity/node-id.js';
import { pathAdvice } from '../nat/path-advice.js';
import type { PunchReport } from '../nat/punch-types.js';
import type { PathStatus } from '../transport/endpoint.js';
import type { NatSummary, WireCandidate } from '../wire/punch.js';
import type { NodeParts } from './node-parts.js';
import { natSummary } from './punch-child.js';

/** Explains why packets to a peer take the way they do. */
export class PeerWhy {
  readonly #parts: NodeParts;
  readonly #clock: Clock;

  constructor(components: { parts: NodeParts; clock: Clock }) {
    this.#parts = components.parts;
    this.#clock = components.clock;
  }

  /** @throws MaculaError MACULA_PEER_NOT_FOUND where it is neither connected nor among the peers */
  explain(nodeId: NodeId): PeerWhyResult {
    const { puncher, punchHistory, nat } = this.#parts;
    if (nodeId === this.#parts.running('identity').nodeId) throw new MaculaError('MACULA_SELF_DIAL', `${nodeId} is this node itself`);
    const session = this.#parts.running('sessions').get(nodeId);
    if (!session && !this.#parts.running('peers').listPeers().some((peer) => peer.nodeId === nodeId)) {
      throw new MaculaError('MACULA_PEER_NOT_FOUND', `${nodeId} is no peer of this node`, { hint: `Connect to it with \`macula peers connect ${nodeId}\`.` });
    }
    const route = session?.connection.route;
    const paths = session?.connection.paths() ?? [];
    const reports = punchHistory?.of(nodeId) ?? [];
    const last = reports.at(-1);
    const story = session && puncher?.story(session);
    return {
      nodeId,
      path: route?.kind ?? null,
      relay: route?.kind === 'relay' ? route.relay : null,
      ownNat: natOf(natSummary(nat?.finding)),
      peerNat: last?.peerNat ? natOf(last.peerNat) : null,
      paths: paths.map(pathOf),
      candidates: last ? [...candidatesOf('own', last.ownCandidates, []), ...candidatesOf('peer', last.peerCandidates, paths)] : [],
      attempts: reports.map((report) => attemptOf(report, this.#clock.nowMs())),
      nextAttemptMs: story?.nextAttemptInMs === undefined ? null : Math.round(story.nextAttemptInMs),
      advice: pathAdvice({ path: route?.kind, punches: story !== undefined, last, nextAttemptInMs: story?.nextAttemptInMs }),
    };
  }
}

function natOf({ natType, mapping, filtering, ports }: NatSummary): PeerWhyResult['ownNat'] {
  return { type: natType, mapping, filtering, ports };
}

function pathOf({ route, state, selected, rttMs }: PathStatus): PeerWhyResult['paths'][number] {
  return { path: route.kind, via: route.kind === 'direct' ? formatAddress(route.address) : route.relay, state, selected, rttMs: rttMs ?? null };
}

function candidatesOf(side: 'own' | 'peer', candidates: readonly WireCandidate[], paths: readonly PathStatus[]): PeerWhyResult['candidates'] {
  return candidates.map(({ kind, address }) => ({ side, kind, address: formatAddress(address), result: side === 'own' ? null : resultOf(address, paths) }));
}

/** A candidate that answered is a path, or was one. */
function resultOf({ host, port }: SocketAddress, paths: readonly PathStatus[]): 'usable' | 'failed' | 'no-answer' {
  const path = paths.find(({ route }) => route.kind === 'direct' && route.address.host === host && route.address.port === port);
  return path?.state === 'usable' || path?.state === 'failed' ? path.state : 'no-answer';
}

function attemptOf({ role, technique, outcome, probes, durationMs, punchingMs, atMs }: PunchReport, nowMs: number): PeerWhyResult['attempts'][number] {
  return {
    secondsAgo: Math.max(0, (nowMs - atMs) / 1000),
    role,
    technique: technique?.kind ?? null,
    outcome,
    probes,
    durationMs,
    punchingMs: punchingMs ?? null,
  };
}

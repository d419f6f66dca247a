import { isDeepStrictEqual } from 'node:util';
import { addressScope, formatAddress, type SocketAddress } from '../base/address.js';
import type { Settings } from '../config/schema.js';
import { offeredCandidates } from '../nat/candidates.js';
import type { NatFinding } from '../nat/nat-finding.js';
import { PunchHistory } from '../nat/punch-history.js';
import { Puncher } from '../nat/puncher.js';
import type { OwnSide } from '../nat/punch-types.js';
import type { Session } from '../session/session.js';
import type { NatSummary } from '../wire/punch.js';
import type { NodeParts } from './node-parts.js';
import type { ChildSpec } from './supervisor.js';
import { observePuncher } from './telemetry-sources.js';
import type { TreeComponents } from './tree-components.js';

/** What a node says of its NAT while it has not looked. */
const notKnown: NatSummary = { natType: 'unknown', mapping: 'unknown', filtering: 'unknown', ports: 'unknown', portDelta: 0 };

/** Getting connections off their relays. */
export function punchChild({ parts, clock, random, telemetry, onPeersChanged }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'punch',
    start: async () => {
      const puncher = new Puncher(
        {
          nodeId: parts.running('identity').nodeId,
          sessions: parts.running('sessions'),
          sides: parts.running('endpoint'),
          own: () => ownSide(parts),
          // Many probes go only where the peer was reached before or a relay sees it, never where it alone says it is.
          hostsOf: (session) => seenByRelays(parts, session),
          isPeerHost: (nodeId, host) => wasReachedAt(parts, nodeId, host),
          outerAddress: async (socket) => parts.nat?.outerAddress(socket).catch(() => undefined),
          clock,
          random,
        },
        settings,
      );
      observePuncher(telemetry, puncher);
      const history = new PunchHistory();
      puncher.on('attempted', ({ nodeId, report }) => history.add(nodeId, report));
      // Whoever watches the peers sees the path change when it does.
      for (const name of ['upgraded', 'relayed'] as const) puncher.on(name, onPeersChanged);
      await puncher.start();
      parts.puncher = puncher;
      parts.punchHistory = history;
      const { nat } = parts;
      const unsubscribe = [
        nat?.on('found', ({ finding, before }) => isDeepStrictEqual(natSummary(finding), natSummary(before)) || puncher.networkChanged()),
        nat?.on('localHostsChanged', () => puncher.networkChanged()),
      ];
      return async () => {
        for (const stop of unsubscribe) stop?.();
        parts.puncher = undefined;
        parts.punchHistory = undefined;
        await puncher.stop();
      };
    },
  };
}

/** What a peer is told of the NATs before this node. */
export function natSummary(finding: NatFinding | undefined): NatSummary {
  if (!finding) return notKnown;
  const { natType, mapping, filtering, allocation } = finding;
  // A port that is another one but stays the same is as good as a preserved one.
  const ports = allocation.kind === 'preserving' || allocation.kind === 'fixed' ? 'preserved' : allocation.kind;
  return { natType, mapping, filtering, ports, portDelta: allocation.kind === 'sequential' ? allocation.delta : 0 };
}

function ownSide({ localAddresses, sessions, nat, portMapper }: NodeParts): OwnSide {
  const local = localAddresses?.interfaceAddresses() ?? [];
  // As peers on direct paths saw this node when they connected; what several saw comes first. Before it what was measured last: the network may be another one since.
  const seen = new Map<string, { readonly address: SocketAddress; count: number }>();
  const measured = nat?.finding?.publicAddress;
  for (const { hello, connection } of sessions?.list() ?? []) {
    const address = hello.observedAddress;
    if (!address || connection.route.kind !== 'direct' || addressScope(address.host) === 'loopback') continue;
    const known = seen.get(formatAddress(address));
    if (known) known.count += 1;
    else seen.set(formatAddress(address), { address, count: 1 });
  }
  const observed = [...(measured ? [measured] : []), ...[...seen.values()].sort((a, b) => b.count - a.count).map(({ address }) => address)];
  return { nat: natSummary(nat?.finding), candidates: offeredCandidates({ local, mapped: portMapper?.mapping ? [portMapper.mapping.external] : [], observed }), local };
}

/** Where the relays on the paths of a session see its other end; those that tell nothing are left out. */
async function seenByRelays({ relayEnds }: NodeParts, { connection }: Session): Promise<string[]> {
  const routes = connection.paths().flatMap(({ route, state }) => (route.kind === 'relay' && state !== 'failed' ? [route] : []));
  const seen = await Promise.allSettled(routes.map((route) => relayEnds!.locate(route)));
  return seen.flatMap((one) => (one.status === 'fulfilled' ? [one.value.host] : []));
}

function wasReachedAt({ sessions }: NodeParts, nodeId: string, host: string): boolean {
  const paths = sessions?.get(nodeId)?.connection.paths() ?? [];
  return paths.some(({ route, rttMs }) => route.kind === 'direct' && rttMs !== undefined && route.address.host === host);
}

import { formatAddress } from '../lib/base/address.js';
import type { NodeStatus } from '../lib/control/protocol.js';
import { facts, humanBytes, humanSeconds, printable, shortId } from './text.js';

/** The state of a node as lines for people. */
export function statusText(status: NodeStatus): string {
  const { peers, nat, dht, pool, portMapping, traffic } = status;
  return facts([
    ['node', status.nodeId],
    ['realm', printable(status.realm)],
    ['state', `${status.state} for ${humanSeconds(status.uptimeSeconds)}, process ${status.pid}, Macula ${status.version}`],
    ['listens on', status.listen.map((address) => `udp ${formatAddress(address)}`).join(', ')],
    ['public address', status.publicAddress ?? 'not known'],
    ['nat', nat ? `${nat.type} (mapping ${nat.mapping}, filtering ${nat.filtering})` : undefined],
    ['port mapping', portMapping ? `${portMapping.external} to ${portMapping.internal} (${portMapping.protocol})` : undefined],
    ['peers', `${peers.connected} connected (${peers.direct} direct, ${peers.relayed} relayed)`],
    ['relays', status.relays.length === 0 ? undefined : `reachable through ${status.relays.map(shortId).join(', ')}`],
    ['traffic', `direct ${humanBytes(traffic.direct.sent)} out, ${humanBytes(traffic.direct.received)} in; relayed ${humanBytes(traffic.relayed.sent)} out, ${humanBytes(traffic.relayed.received)} in`],
    ['dht', dht ? `${dht.nodes} nodes, ${dht.records} records` : undefined],
    ['pool', pool ? `${pool.size} of ${pool.max} connections` : undefined],
    ['control socket', status.controlSocket],
    ['metrics', status.metricsUrl ?? 'off'],
  ]);
}

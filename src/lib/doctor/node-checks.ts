import { formatAddress } from '../base/address.js';
import type { MaculaError } from '../base/errors.js';
import type { NodeStatus, Peer, Warning } from '../control/protocol.js';
import { shellQuote } from '../identity/identity-paths.js';
import { failure, ok, warning, type Check } from './check.js';

/** Judgements about the node that runs, or does not: what it said in, checks out. */

/** @param error why it gave no status; undefined where it did */
export function judgeControlSocket(path: string, status: NodeStatus | undefined, error: MaculaError | undefined, mode: number | undefined): Check {
  const id = 'control-socket';
  if (error?.code === 'MACULA_NO_NODE') return warning(id, error.message.split(';', 1)[0]!, 'macula node start');
  if (error) return failure(id, error.message, error.hint);
  if (mode !== undefined && (mode & 0o077) !== 0) return failure(id, `other users of this machine can command the node through ${path}`, `chmod 600 ${shellQuote(path)}`);
  return ok(id, `the node (process ${status!.pid}) answers at ${path}`);
}

export function judgeVersion(own: string, running: string | undefined): Check {
  const id = 'version';
  if (running === undefined || running === own) return ok(id, `Macula ${own} on Node.js ${process.versions.node}`);
  return warning(id, `the node runs Macula ${running}, this command is ${own}`, 'Start the node again with the version that is installed: macula node stop && macula node start --detach');
}

export function judgeBoundPort(listen: NodeStatus['listen']): Check {
  const id = 'udp-port';
  if (listen.length === 0) return failure(id, 'the node has no UDP socket bound, so nobody reaches it', 'Look at its log; it binds again by itself.');
  return ok(id, `the node listens on ${listen.map((address) => `udp ${formatAddress(address)}`).join(' and ')}`);
}

/** What the running node warns of itself. */
export function judgeWarnings(warnings: readonly Warning[]): Check[] {
  return warnings.map(({ code, severity, message, fix }) => (severity === 'high' ? failure : warning)(`health:${code}`, message, fix));
}

export function judgePeers(peers: readonly Peer[], bootstrapSet: boolean): Check {
  const id = 'peers';
  const connected = peers.filter(({ state }) => state === 'connected');
  const direct = connected.filter(({ path }) => path === 'direct').length;
  const refused = peers.filter(({ state }) => state === 'refused');
  const because = (of: readonly Peer[]): string => of.map(({ error }) => error).find((error) => error !== null) ?? 'for no reason given';
  if (connected.length === 0 && refused.length > 0) return failure(id, `no peer is connected; ${refused.length} refused: ${because(refused)}`, 'macula peers list shows each; the realm and its secret must be the same on all nodes.');
  if (connected.length === 0 && peers.length > 0) return warning(id, `no peer is connected, ${peers.length} tried: ${because(peers)}`, 'macula peers list shows each; check UDP and the firewalls between.');
  if (connected.length === 0) return bootstrapSet ? warning(id, 'no peer is connected', 'macula peers list') : ok(id, 'the node is alone: nobody is set to join through, and nobody was found on this network');
  return ok(id, `${connected.length} connected: ${direct} directly, ${connected.length - direct} through relays`);
}

/** NATs that let nobody in who was not spoken to. */
const closedNats = new Set<string>(['address-restricted', 'port-restricted', 'symmetric']);

export function judgeNat({ nat, publicAddress }: Pick<NodeStatus, 'nat' | 'publicAddress'>): Check {
  const id = 'nat';
  const look = 'macula nat probe';
  if (nat === null || nat.type === 'unknown') return ok(id, `nothing is known of NATs yet: it takes other nodes outside, or STUN servers${publicAddress === null ? '' : `; others see ${publicAddress}`}`);
  const seen = publicAddress === null ? '' : `; others see ${publicAddress}`;
  if (nat.type === 'blocked') return failure(id, 'UDP does not get out: the node reaches nobody', 'Allow outgoing UDP in the firewall.');
  if (nat.type === 'none' && nat.filtering !== 'endpoint-independent' && nat.filtering !== 'unknown') return warning(id, `there is no NAT, but a firewall lets in only answers${seen}`, 'Allow incoming UDP to the port of the node in the firewall.');
  if (nat.type === 'symmetric') return warning(id, `the node is behind a symmetric NAT: direct paths only to some peers, the others are relayed${seen}`, `Forward the UDP port of the node in the router; ${look} says more.`);
  return ok(id, nat.type === 'none' ? `others reach the node directly${seen}` : `the node is behind a ${nat.type} NAT (mapping ${nat.mapping}, filtering ${nat.filtering})${seen}`);
}

export function judgeRelay({ nat, relays, peers }: Pick<NodeStatus, 'nat' | 'relays' | 'peers'>, relayUse: string): Check {
  const id = 'relay';
  if (relays.length > 0) return ok(id, `reachable through ${relays.length} ${relays.length === 1 ? 'relay' : 'relays'}: ${relays.map((relay) => relay.slice(0, 8)).join(', ')}`);
  const needed = nat !== null && closedNats.has(nat.type);
  if (!needed) return ok(id, 'the node needs no relay');
  if (relayUse === 'never') return warning(id, 'the NAT lets nobody in, and the setting relayUse forbids to be reachable through relays', 'Set MACULA_RELAY_USE=auto, or forward the UDP port of the node in the router.');
  if (peers.connected === 0) return warning(id, 'the NAT lets nobody in, and there is no peer that could relay', 'Connect to a node that can be reached: macula peers connect https://HOST:4433');
  return warning(id, 'the NAT lets nobody in, and no peer relays for this node', 'Connect to a node that can be reached directly and relays: macula peers connect https://HOST:4433');
}

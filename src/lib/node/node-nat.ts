import { addressScope, type SocketAddress } from '../base/address.js';
import type { NodeStatus } from '../control/protocol.js';
import { isUseful, type NatFinding, type PortMapping } from '../nat/nat-finding.js';
import { natReport, type NatReport } from '../nat/nat-report.js';
import { parseServerName, resolveServers } from '../nat/server-names.js';
import { systemResolver } from '../peers/system-resolver.js';
import { MaculaError } from '../base/errors.js';
import type { NodeParts } from './node-parts.js';
import { isReachable } from './reachability.js';

/** What a node knows of the NATs between it and others. */
export class NodeNat {
  readonly #parts: NodeParts;

  constructor(components: { parts: NodeParts }) {
    this.#parts = components.parts;
  }

  /** The last finding, be it of an earlier run; undefined before the first. */
  get finding(): NatFinding | undefined {
    return this.#parts.nat?.finding;
  }

  /** What the router forwards at the node's wish. */
  get portMapping(): PortMapping | undefined {
    return this.#parts.portMapper?.mapping;
  }

  /** The NAT in three words, as `node status` shows it; null while nothing is known. */
  kind(): NodeStatus['nat'] {
    const { finding } = this;
    return finding ? { type: finding.natType, mapping: finding.mapping, filtering: finding.filtering } : null;
  }

  /** Whether others reach this node by itself; undefined: nothing tells yet. */
  isReachable(): boolean | undefined {
    return isReachable(this.#parts);
  }

  /** Where the Internet sees this node; undefined while that is not known. */
  publicAddress(): SocketAddress | undefined {
    const { portMapping } = this;
    if (isUseful(portMapping, this.finding)) return portMapping.external;
    const address = this.finding?.publicAddress;
    return address && addressScope(address.host) === 'public' ? address : undefined;
  }

  /**
   * Looks at the NATs now.
   * @param stun HOST:PORT of servers to ask instead of other nodes
   * @throws MaculaError MACULA_USAGE, MACULA_UNREACHABLE where there is nobody to ask, MACULA_NO_NODE, MACULA_ABORTED
   */
  async probe(stun: readonly string[], signal: AbortSignal): Promise<NatReport> {
    const nat = this.#parts.running('nat');
    const servers = await resolveServers(stun.map(parseServerName), (host) => systemResolver.resolve(host));
    if (stun.length > 0 && servers.length === 0) throw new MaculaError('MACULA_UNREACHABLE', `no address is known of ${stun.join(', ')}`, { hint: 'Check the names, or write an IP address.' });
    return natReport(await nat.measure(servers, signal), this.portMapping);
  }
}

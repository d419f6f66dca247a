import type { SocketAddress } from '../base/address.js';
import type { Settings } from '../config/schema.js';
import { parsePeerUrl } from '../identity/peer-url.js';
import { NatDiscovery } from '../nat/nat-discovery.js';
import { parseServerName, resolveServers, type ServerName } from '../nat/server-names.js';
import { sourceAddress } from '../nat/source-address.js';
import { localHostsOfSystem } from '../nat/stand-alone-probe.js';
import { systemResolver } from '../peers/system-resolver.js';
import { openUdpSocket } from '../transport/udp-socket.js';
import { type ChildSpec } from './supervisor.js';
import { observeNat } from './telemetry-sources.js';
import type { TreeComponents } from './tree-components.js';

export function natChild({ parts, clock, random, logger, telemetry }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'nat',
    start: async () => {
      const endpoint = parts.running('endpoint');
      const names: readonly ServerName[] = [...settings.stunServers.map(parseServerName), ...settings.bootstrapUrl.map(parsePeerUrl)];
      const nat = new NatDiscovery(
        {
          stun: endpoint.stun,
          port: () => endpoint.localAddresses[0]?.port ?? 0,
          sessions: parts.running('sessions'),
          isReachable: (nodeId) => parts.peerRelays?.of(nodeId) === undefined,
          localHosts: localHostsOfSystem,
          servers: (): Promise<SocketAddress[]> => resolveServers(names, (host) => systemResolver.resolve(host)),
          sourceAddress,
          openSocket: openUdpSocket,
          store: parts.running('store').collection<unknown>('nat'),
          clock,
          random,
          logger,
        },
        settings,
      );
      observeNat(telemetry, nat);
      await nat.start();
      parts.nat = nat;
      return async () => {
        parts.nat = undefined;
        await nat.stop();
      };
    },
  };
}

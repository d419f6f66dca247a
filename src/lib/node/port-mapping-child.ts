import type { Settings } from '../config/schema.js';
import { defaultGateway } from '../nat/default-gateway.js';
import { IgdMapping } from '../nat/igd-mapping.js';
import { isUseful } from '../nat/nat-finding.js';
import { PcpMapping } from '../nat/pcp-mapping.js';
import { pcpNonceBytes } from '../nat/pcp-message.js';
import { PortMapper } from '../nat/port-mapper.js';
import { sourceAddress } from '../nat/source-address.js';
import { openUdpSocket } from '../transport/udp-socket.js';
import type { NodeParts } from './node-parts.js';
import type { ChildSpec } from './supervisor.js';
import type { TreeComponents } from './tree-components.js';

/** Key of the nonce in the collection of what is known about NATs. */
const nonceKey = 'pcp-nonce';

/** Having the router forward the node's port. */
export function portMappingChild({ parts, clock, random, logger }: TreeComponents, _settings: Settings): ChildSpec {
  return {
    id: 'port mapping',
    start: async () => {
      const components = { openSocket: openUdpSocket, clock, random };
      const localAddresses = parts.running('localAddresses');
      const mapper = new PortMapper({
        methods: [new PcpMapping(components, await nonceOf(parts, random)), new IgdMapping(components)],
        gateway: defaultGateway,
        sourceAddress,
        local: () => localAddresses.interfaceAddresses(),
        clock,
        logger,
      });
      const { nat } = parts;
      const advertise = (): void => localAddresses.setMapped(isUseful(mapper.mapping, nat?.finding) ? mapper.mapping?.external : undefined);
      const unsubscribe = [
        mapper.on('changed', advertise),
        nat?.on('localHostsChanged', () => mapper.networkChanged()),
        nat?.on('found', ({ finding, before }) => {
          advertise();
          if (before?.publicAddress && before.publicAddress.host !== finding.publicAddress?.host) mapper.networkChanged();
        }),
      ];
      await mapper.start();
      parts.portMapper = mapper;
      return async () => {
        for (const stop of unsubscribe) stop?.();
        parts.portMapper = undefined;
        localAddresses.setMapped(undefined);
        await mapper.stop();
      };
    },
  };
}

/** The same after a restart, as the gateway knows this node by it. */
async function nonceOf(parts: NodeParts, random: TreeComponents['random']): Promise<Uint8Array> {
  const stored = parts.running('store').collection<unknown>('nat');
  const known = stored.get(nonceKey);
  if (typeof known === 'string' && known.length === 2 * pcpNonceBytes) return Buffer.from(known, 'hex');
  const nonce = random.bytes(pcpNonceBytes);
  // Where it cannot be stored, the mapping of this run ends with its lifetime.
  await stored.put(nonceKey, Buffer.from(nonce).toString('hex')).catch(() => undefined);
  return nonce;
}

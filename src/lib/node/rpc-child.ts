import type { Settings } from '../config/schema.js';
import { Rpc } from '../rpc/rpc.js';
import { DhtProviderLookup } from './rpc-providers.js';
import { PooledRpcTransport } from './rpc-transport.js';
import type { ChildSpec } from './supervisor.js';
import { observeRpc } from './telemetry-sources.js';
import type { TreeComponents } from './tree-components.js';

export function rpcChild({ parts, procedures, clock, random, logger, telemetry }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'rpc',
    start: async () => {
      const { nodeId } = parts.running('identity');
      const transport = new PooledRpcTransport({ pool: parts.running('pool'), sessions: parts.running('sessions') });
      const rpc = new Rpc({ nodeId, transport, providers: new DhtProviderLookup({ dht: parts.running('dht') }), registry: procedures, clock, random, logger }, settings);
      observeRpc(telemetry, rpc);
      await rpc.start();
      parts.rpc = rpc;
      return async () => {
        parts.rpc = undefined;
        await rpc.stop();
      };
    },
  };
}

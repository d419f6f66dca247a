import type { Settings } from '../config/schema.js';
import { dhtChild, discoveryChild, endpointChild, peersChild, poolChild, sessionsChild, storeChild } from './mesh-children.js';
import { peerRecordChild } from './peer-record-child.js';
import { pubsubChild } from './pubsub-child.js';
import { punchChild } from './punch-child.js';
import { rpcChild } from './rpc-child.js';
import { natChild } from './nat-children.js';
import { portMappingChild } from './port-mapping-child.js';
import type { SupervisorPolicy } from './supervisor-core.js';
import { Supervisor, type ChildSpec } from './supervisor.js';
import { relayChild, relayClientChild } from './relay-children.js';
import { controlChild, hostChild, listenerChild } from './surface-children.js';
import type { TreeComponents } from './tree-components.js';

/** A subsystem that fails again and again within a minute is not helped by starting it again. */
const policy: Omit<SupervisorPolicy, 'strategy'> = { maxRestarts: 10, withinMs: 60_000, backoffMinMs: 100, backoffMaxMs: 10_000 };
/** The root restarts a whole branch, after the branch has tried for itself. */
const rootPolicy: SupervisorPolicy = { ...policy, strategy: 'one_for_one', maxRestarts: 2 };

/** Builds the supervision tree of a node (docs/SUPERVISION.md); nothing is started yet. */
export function buildTree(components: TreeComponents, settings: Settings): Supervisor {
  const mesh = [
    storeChild, endpointChild, sessionsChild, natChild, ...(settings.portMapping ? [portMappingChild] : []), relayChild, poolChild, dhtChild, rpcChild, peersChild, pubsubChild, relayClientChild, punchChild, peerRecordChild,
    ...(settings.mdns ? [discoveryChild] : []),
  ];
  const surface = [hostChild, controlChild, ...(settings.metrics ? [listenerChild] : [])];
  const specs = (children: typeof mesh): ChildSpec[] => children.map((child) => child(components, settings));
  return new Supervisor(components, rootPolicy, [
    branch('mesh', components, { ...policy, strategy: 'rest_for_one' }, specs(mesh)),
    branch('surface', components, { ...policy, strategy: 'one_for_one' }, specs(surface)),
  ]);
}

/** A supervisor as a child of another. */
function branch(id: string, components: TreeComponents, branchPolicy: SupervisorPolicy, children: readonly ChildSpec[]): ChildSpec {
  return {
    id,
    start: async (fail) => {
      const supervisor = new Supervisor(components, branchPolicy, children);
      supervisor.onFailure(fail);
      await supervisor.start();
      return () => supervisor.stop();
    },
  };
}

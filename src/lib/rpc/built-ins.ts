import type { NodeId } from '../identity/node-id.js';
import type { ProcedureRegistry } from './procedure-registry.js';

/** What `macula.info` answers. */
export interface NodeInfo {
  readonly nodeId: NodeId;
  readonly version: string;
  readonly realm: string;
  readonly uptimeSeconds: number;
}

/**
 * Procedures every node serves. They are not announced in the DHT, since a call is for a certain node:
 * `macula.ping` answers nil, `macula.echo` its arguments, `macula.info` who the node is and what it serves to this caller.
 */
export function addBuiltIns(registry: ProcedureRegistry, info: () => NodeInfo): void {
  registry.addBuiltIn('macula.ping', () => null);
  registry.addBuiltIn('macula.echo', (args) => args);
  registry.addBuiltIn('macula.info', (_args, { caller }) => ({
    ...info(),
    procedures: registry.announced().filter(({ allow }) => !allow || allow.has(caller)).map(({ name }) => name).sort(),
  }));
}

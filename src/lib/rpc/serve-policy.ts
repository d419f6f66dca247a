import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import type { Procedure } from './procedure.js';
import type { ProcedureRegistry } from './procedure-registry.js';

/** How long a caller should stay away from a procedure that is at its limit and was never measured. */
const defaultRetryAfterMs = 100;

/**
 * The procedure a call asks for, if the caller may have it now. What is thrown here tells the caller that nothing ran.
 * @throws MaculaError MACULA_NO_PROVIDER, MACULA_CALL_REFUSED, MACULA_OVERLOADED
 */
export function admitCall(registry: ProcedureRegistry, name: string, caller: NodeId, isStopping: boolean): Procedure {
  const procedure = registry.get(name);
  if (!procedure) throw new MaculaError('MACULA_NO_PROVIDER', `this node does not serve ${JSON.stringify(name)}`, { details: { procedure: name } });
  if (procedure.allow && !procedure.allow.has(caller)) {
    procedure.stats.refuse();
    throw new MaculaError('MACULA_CALL_REFUSED', `${JSON.stringify(name)} is not open to this caller`, { details: { procedure: name } });
  }
  if (isStopping) throw new MaculaError('MACULA_OVERLOADED', 'the node is shutting down', { details: { procedure: name } });
  const places = procedure.concurrency();
  if (procedure.stats.running >= places) {
    procedure.stats.refuse();
    const retryAfterMs = Math.ceil(procedure.stats.meanMs ?? defaultRetryAfterMs);
    throw new MaculaError('MACULA_OVERLOADED', `as many calls of ${JSON.stringify(name)} are under way as it takes`, { details: { procedure: name, limit: 'concurrency', value: places, retryAfterMs } });
  }
  return procedure;
}

import { untilAborted } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import { nobodyAnsweredError } from './call-errors.js';
import type { ProviderLookup } from './ports.js';
import type { ProcedureRegistry } from './procedure-registry.js';
import { ProviderState, type ProviderSettings } from './provider-state.js';

/** After so long the DHT is asked again, in the background: its own cache answers most of the time and notices what has changed. */
const refreshMs = 1000;
/** Procedures remembered; the one asked for longest ago goes first. */
const maxProcedures = 1000;

export type DirectorySettings = ProviderSettings & Pick<Settings, 'rpcFindMs'>;

interface Entry {
  readonly procedure: string;
  states: readonly ProviderState[];
  foundMs: number;
  lookup: Promise<readonly ProviderState[]> | undefined;
}

export interface DirectoryComponents {
  readonly nodeId: NodeId;
  readonly providers: ProviderLookup;
  readonly registry: ProcedureRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Providers of procedures by name, with what this node knows of each. Calls find them here without waiting for anybody. */
export class ProviderDirectory {
  readonly #components: DirectoryComponents;
  readonly #settings: DirectorySettings;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();

  constructor(components: DirectoryComponents, settings: DirectorySettings) {
    this.#components = components;
    this.#settings = settings;
  }

  /** Providers known already, refreshed in the background where need be; undefined when there are none. @param nowMs Clock.nowMs() */
  current(procedure: string, nowMs: number): readonly ProviderState[] | undefined {
    const entry = this.#entries.get(procedure);
    if (!entry || entry.states.length === 0) return undefined;
    if (nowMs - entry.foundMs > refreshMs && !entry.lookup) {
      this.#look(entry, false).catch((error: unknown) => this.#components.logger.debug('providers could not be looked up', { procedure, error: MaculaError.from(error).message }));
    }
    return entry.states;
  }

  /**
   * Looks providers up; those who ask at once share one lookup.
   * @param fresh whether nobody's cache will do
   * @throws MaculaError MACULA_UNREACHABLE where none of the nodes that might know of a provider answered; MACULA_ABORTED, MACULA_OVERLOADED
   */
  find(procedure: string, fresh: boolean, signal?: AbortSignal): Promise<readonly ProviderState[]> {
    const entry = this.#entry(procedure);
    const lookup = (!fresh && entry.lookup) || this.#look(entry, fresh);
    return signal ? untilAborted(lookup, signal) : lookup;
  }

  /** What is known of a procedure's providers now; asks nobody. */
  known(procedure: string): readonly ProviderState[] {
    return this.#entries.get(procedure)?.states ?? [];
  }

  /** A provider says that it does not serve the procedure any more. */
  gone(procedure: string, nodeId: NodeId): void {
    const entry = this.#entries.get(procedure);
    if (entry) entry.states = entry.states.filter((state) => state.nodeId !== nodeId);
    this.#components.providers.failed(nodeId);
  }

  /** Did not serve; whether it is still a provider is for the next lookup to say. */
  failed(nodeId: NodeId): void {
    this.#components.providers.failed(nodeId);
  }

  /** This node began or ceased to serve the procedure. */
  changed(procedure: string): void {
    const entry = this.#entries.get(procedure);
    if (entry) entry.states = this.#states(entry, entry.states.map(({ nodeId }) => nodeId));
  }

  #entry(procedure: string): Entry {
    let entry = this.#entries.get(procedure);
    if (entry) this.#entries.delete(procedure);
    else entry = { procedure, states: [], foundMs: 0, lookup: undefined };
    this.#entries.set(procedure, entry);
    if (this.#entries.size > maxProcedures) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    return entry;
  }

  #look(entry: Entry, fresh: boolean): Promise<readonly ProviderState[]> {
    const lookup = this.#components.providers.find(entry.procedure, { fresh, patienceMs: this.#settings.rpcFindMs }).then(
      ({ nodeIds, asked, answered, isComplete }) => {
        // Where not everybody was heard, those known already are not gone for not being named.
        entry.states = this.#states(entry, isComplete ? nodeIds : [...nodeIds, ...entry.states.map(({ nodeId }) => nodeId)]);
        entry.foundMs = this.#components.clock.nowMs();
        if (entry.lookup === lookup) entry.lookup = undefined;
        if (entry.states.length === 0 && asked > 0 && answered === 0) throw nobodyAnsweredError(entry.procedure, asked);
        return entry.states;
      },
      (error: unknown) => {
        if (entry.lookup === lookup) entry.lookup = undefined;
        throw error;
      },
    );
    return (entry.lookup = lookup);
  }

  /** What was known of a provider stays known; this node is one of them if it serves the procedure, whatever the DHT says. */
  #states(entry: Entry, nodeIds: readonly NodeId[]): readonly ProviderState[] {
    const { nodeId: self, registry } = this.#components;
    const known = new Map(entry.states.map((state) => [state.nodeId, state]));
    const wanted = new Set(nodeIds);
    if (registry.get(entry.procedure)) wanted.add(self);
    else wanted.delete(self);
    return [...wanted].map((nodeId) => known.get(nodeId) ?? new ProviderState(nodeId, this.#settings));
  }
}

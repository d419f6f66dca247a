import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { Settings } from '../config/schema.js';
import { builtInPrefix, callersOf, checkProcedureName, type Procedure, type ProcedureOptions } from './procedure.js';
import { ProcedureStats, type ProcedureCounts, type ServedReport } from './procedure-stats.js';

export interface RegistryEvents {
  /** A call came to its end, or was refused. */
  served: ServedReport;
  registered: Procedure;
  unregistered: Procedure;
}

/** A procedure as `rpc list` shows it. */
export interface ProcedureInfo extends ProcedureCounts {
  readonly name: string;
  readonly builtIn: boolean;
  readonly concurrency: number;
  /** undefined: every node of the realm. */
  readonly allow: readonly string[] | undefined;
}

/** The procedures a node serves. Outlives restarts of what carries calls, as its counters do. */
export class ProcedureRegistry {
  readonly #settings: Pick<Settings, 'rpcMaxProcedures' | 'rpcConcurrency'>;
  readonly #procedures = new Map<string, Procedure>();
  readonly #events = new Emitter<RegistryEvents>();

  constructor(settings: Pick<Settings, 'rpcMaxProcedures' | 'rpcConcurrency'>) {
    this.#settings = settings;
  }

  on<Name extends keyof RegistryEvents>(name: Name, listener: (value: RegistryEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** @throws MaculaError MACULA_INVALID_VALUE, MACULA_ALREADY_SERVED, MACULA_OVERLOADED */
  add(name: string, handler: Procedure['handler'], options: ProcedureOptions = {}): Procedure {
    if (name.startsWith(builtInPrefix)) throw new MaculaError('MACULA_INVALID_VALUE', `names that begin with ${builtInPrefix} belong to Macula`, { details: { procedure: name }, hint: 'Choose another name.' });
    if (this.#procedures.size >= this.#settings.rpcMaxProcedures) {
      throw new MaculaError('MACULA_OVERLOADED', 'this node serves as many procedures as it may', { details: { limit: 'rpcMaxProcedures', value: this.#settings.rpcMaxProcedures } });
    }
    return this.#add(name, handler, options, false);
  }

  /** Adds a procedure that every node has. */
  addBuiltIn(name: string, handler: Procedure['handler'], options: ProcedureOptions = {}): void {
    this.#add(name, handler, options, true);
  }

  get(name: string): Procedure | undefined {
    return this.#procedures.get(name);
  }

  /** Removes a procedure; calls under way go on. Returns whether it was there. */
  remove(name: string): boolean {
    const procedure = this.#procedures.get(name);
    if (!procedure || procedure.builtIn) return false;
    this.#procedures.delete(name);
    this.#events.emit('unregistered', procedure);
    return true;
  }

  /** Those that are announced in the DHT. */
  announced(): Procedure[] {
    return [...this.#procedures.values()].filter(({ builtIn }) => !builtIn);
  }

  /** Calls being served now. */
  get serving(): number {
    let serving = 0;
    for (const { stats } of this.#procedures.values()) serving += stats.running;
    return serving;
  }

  list(): ProcedureInfo[] {
    return [...this.#procedures.values()].map(({ name, builtIn, concurrency, allow, stats }) => ({
      name, builtIn, concurrency: concurrency(), allow: allow && [...allow], ...stats.counts(),
    }));
  }

  #add(name: string, handler: Procedure['handler'], { allow, concurrency = this.#settings.rpcConcurrency }: ProcedureOptions, builtIn: boolean): Procedure {
    checkProcedureName(name);
    if (this.#procedures.has(name)) throw new MaculaError('MACULA_ALREADY_SERVED', `this node serves ${JSON.stringify(name)} already`, { details: { procedure: name } });
    if (typeof concurrency === 'number' && !(Number.isInteger(concurrency) && concurrency >= 1)) {
      throw new MaculaError('MACULA_INVALID_VALUE', `concurrency is a whole number from 1, not ${concurrency}`, { hint: 'Correct it and try again.' });
    }
    const places = typeof concurrency === 'number' ? () => concurrency : concurrency;
    const procedure: Procedure = { name, handler, allow: callersOf(allow), concurrency: places, builtIn, stats: new ProcedureStats(name, (call) => this.#events.emit('served', call)) };
    this.#procedures.set(name, procedure);
    this.#events.emit('registered', procedure);
    return procedure;
  }
}

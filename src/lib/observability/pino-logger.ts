import { pino, type Logger as Pino } from 'pino';
import type { Clock } from '../base/clock.js';
import type { Logger, LogLevel } from '../base/logger.js';
import { escapeLine, loggableFields } from './log-fields.js';

/** Takes whole lines, each with its line feed. */
export interface LogDestination {
  write(line: string): unknown;
}

class PinoLogger implements Logger {
  readonly #pino: Pino;

  constructor(instance: Pino) {
    this.#pino = instance;
  }

  debug(message: string, fields?: Record<string, unknown>): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: Record<string, unknown>): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: Record<string, unknown>): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: Record<string, unknown>): void {
    this.#write('error', message, fields);
  }

  child(fields: Record<string, unknown>): Logger {
    return new PinoLogger(this.#pino.child(loggableFields(fields)));
  }

  #write(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown> | undefined): void {
    if (!this.#pino.isLevelEnabled(level)) return;
    this.#pino[level](fields === undefined ? {} : loggableFields(fields), message);
  }
}

/** A file on a full disk throws; a node must not end because nobody can take its log. */
function writeLine(destination: LogDestination, line: string): void {
  try {
    destination.write(line);
  } catch {
    // There is nowhere else to say so.
  }
}

/**
 * Logs one JSON object a line: `level`, `time` (ISO 8601), `pid`, fields, `msg`.
 * @param components.destination standard error where absent
 */
export function createPinoLogger(components: { clock: Clock; destination?: LogDestination }, settings: { level: LogLevel }): Logger {
  const destination = components.destination ?? process.stderr;
  const instance = pino(
    {
      level: settings.level,
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date(components.clock.wallMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => writeLine(destination, escapeLine(line)) },
  );
  return new PinoLogger(instance);
}

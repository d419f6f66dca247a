import { MaculaError } from '../base/errors.js';
import { parseDurationMs } from '../base/units.js';
import { findLocations, pidFileOf, readVariable, socketPathProblem, timeoutVariable, type ConfigSources } from './locations.js';

/** All a client command needs to know to talk to a node. */
export interface ClientLocation {
  readonly dataDir: string;
  readonly socketPath: string;
  /** Holds the node's process id on its first line while it runs. */
  readonly pidFile: string;
  /** Whether the socket is somewhere else than the data directory says. */
  readonly socketGiven: boolean;
  /** How long a node may take to answer what it can answer at once, milliseconds. */
  readonly timeoutMs: number;
}

/** As long as a request between nodes may take (setting requestTimeoutMs). */
const defaultTimeoutMs = 5000;

/**
 * Finds the node a client command is about: `--socket`, MACULA_SOCKET, `--data-dir`, MACULA_DATA_DIR, the
 * configuration file, the default data directory, in this order.
 * @throws MaculaError MACULA_INVALID_CONFIG, MACULA_PERMISSION_DENIED, MACULA_USAGE (MACULA_TIMEOUT is no duration)
 */
export function findClientLocation(sources: ConfigSources): ClientLocation {
  // Who may not enter the data directory is told so by the socket, whose owner the message names.
  const { dataDir, socket } = findLocations(sources, true);
  const problem = socketPathProblem(sources.platform, socket.path);
  if (problem !== undefined) {
    throw new MaculaError('MACULA_INVALID_CONFIG', `the control socket ${socket.path} ${problem}`, {
      hint: 'Choose a shorter path with --socket or MACULA_SOCKET.',
      details: { setting: 'socket', value: socket.path, origin: socket.origin, source: socket.source },
    });
  }
  const timeout = readVariable(sources, timeoutVariable);
  return {
    dataDir: dataDir.path,
    socketPath: socket.path,
    pidFile: pidFileOf(sources.platform, dataDir.path),
    socketGiven: socket.origin !== 'default',
    timeoutMs: timeout === undefined ? defaultTimeoutMs : parseDurationMs(timeout, timeoutVariable),
  };
}

import type { Logger } from '../base/logger.js';
import type { Telemetry } from './telemetry.js';
import { telemetryNames, type TelemetryName } from './telemetry-events.js';

/**
 * Events that become a line of the log, with their level. Those left out are logged where they happen, with more to say
 * (restarts, refusals an operator must act on), or would be a line for each request.
 */
const lines: Partial<Record<TelemetryName, readonly ['debug' | 'info', string]>> = {
  'session:opened': ['debug', 'session opened'],
  'session:closed': ['debug', 'session closed'],
  'session:refused': ['debug', 'connection not admitted'],
  'session:path-changed': ['info', 'packets take another path'],
  'pool:closed': ['debug', 'connection left the pool'],
  'pool:excluded': ['info', 'peer left alone after failures'],
  'rpc:circuit': ['info', 'provider left alone, or back'],
  'pubsub:subscriber-added': ['debug', 'a node subscribed'],
  'pubsub:subscriber-removed': ['debug', 'a node is subscribed no longer'],
  'nat:punched': ['debug', 'an attempt at a direct path ended'],
  'nat:fell-back': ['info', 'connection fell back to a relay'],
  'dht:operation': ['debug', 'DHT operation ended'],
};

/** Writes events of telemetry to the log. */
export function logTelemetry(telemetry: Telemetry, logger: Logger): void {
  for (const name of telemetryNames) {
    const line = lines[name];
    if (line === undefined) continue;
    const [level, message] = line;
    telemetry.on(name, (event) => logger[level](message, event));
  }
}

import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { ControlHandlers } from '../control/ports.js';
import type { HealthReport } from '../observability/health-rules.js';
import type { Metrics } from '../observability/metrics.js';
import type { Telemetry } from '../observability/telemetry.js';
import type { LocalSubscriptions } from '../pubsub/local-subscriptions.js';
import type { ProcedureRegistry } from '../rpc/procedure-registry.js';
import type { NodeParts } from './node-parts.js';

export interface TreeComponents {
  /** Filled by the tree as its children start, emptied as they stop. */
  readonly parts: NodeParts;
  /** Subscriptions of programs; they outlive restarts of what delivers to them. */
  readonly subscriptions: LocalSubscriptions;
  /** What this node serves to others; outlives restarts. */
  readonly procedures: ProcedureRegistry;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
  readonly handlers: ControlHandlers;
  readonly metrics: Metrics;
  /** Where all events of the node go. */
  readonly telemetry: Telemetry;
  /** Called when a failed subsystem is about to be started again. */
  readonly onRestart: (subsystem: string, error: Error) => void;
  readonly health: () => HealthReport;
  /** Called when a peer came, went or could not be reached. */
  readonly onPeersChanged: () => void;
}

import type { SocketAddress } from '../base/address.js';
import type { Settings } from '../config/schema.js';

/** What a node says of itself once it serves. */
export interface NodeReadyInfo {
  readonly nodeId: string;
  readonly realm: string;
  readonly version: string;
  readonly listen: readonly SocketAddress[];
  readonly controlSocket: string;
  readonly metricsUrl: string | null;
}

export interface RunNodeOptions {
  readonly settings: Settings;
  /** Shown by the control socket's /v1/config; as loadSettings() returns them. */
  readonly origins: Readonly<Record<string, { value: string; origin: string; source: string }>>;
  /** Warnings of loadSettings(), logged and shown by `node status`. */
  readonly warnings: readonly string[];
  /** Where log lines go; stderr where absent. */
  readonly logStream?: NodeJS.WritableStream;
  readonly onReady: (info: NodeReadyInfo) => void;
  /** Aborting it drains and stops the node. */
  readonly signal: AbortSignal;
}

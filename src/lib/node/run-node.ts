import type { SocketAddress } from '../base/address.js';
import { onceAborted, throwIfAborted } from '../base/abort.js';
import { systemClock } from '../base/clock.js';
import type { EffectiveSetting, SettingsWarning } from '../config/load-settings.js';
import type { Logger } from '../base/logger.js';
import type { Settings } from '../config/schema.js';
import { createPinoLogger, type LogDestination } from '../observability/pino-logger.js';
import { MaculaNode } from './macula-node.js';
import { nodeInOneLine } from './node-status.js';
import { sendBySystemdNotify, SystemdNotifier, systemdWishes } from './systemd-notify.js';
import { version } from './version.js';
import { startWatchdog } from './watchdog.js';

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
  /** Where each setting came from; answered on /v1/config. */
  readonly origins: Readonly<Record<string, EffectiveSetting>>;
  readonly configFile: string | undefined;
  /** Logged at start. */
  readonly warnings: readonly SettingsWarning[];
  /** Where log lines go; stderr where absent. */
  readonly logStream?: LogDestination;
  readonly onReady: (info: NodeReadyInfo) => void;
  /** Aborting it drains and stops the node. */
  readonly signal: AbortSignal;
}

/**
 * Runs a node as a process's only task, under a watchdog; resolves when it has stopped because the signal aborted or somebody
 * asked over the control socket.
 * @throws MaculaError as MaculaNode.start, MACULA_ABORTED when the signal aborted before the node was ready, and why the node could not go on
 */
export async function runNode(options: RunNodeOptions): Promise<void> {
  const { settings, origins, configFile, warnings, logStream, signal } = options;
  const logger = createPinoLogger({ clock: systemClock, ...(logStream && { destination: logStream }) }, { level: settings.logLevel });
  for (const warning of warnings) logger.warn(warning.message, { code: warning.code });
  const config = { configFile: configFile ?? null, settings: { ...origins }, warnings: [...warnings] };
  const node = new MaculaNode(settings, { logger, config });
  const ended = new Promise<void>((resolve, reject) => {
    node.on('failed', reject);
    node.on('stopRequested', resolve);
    if (signal.aborted) resolve();
    onceAborted(signal, () => resolve());
  });
  const systemd = systemdOf(node, logger);
  const watchdog = startWatchdog({ timeoutMs: settings.watchdogTimeoutMs });
  try {
    await node.start();
    throwIfAborted(signal);
    await systemd?.ready();
    options.onReady({
      nodeId: node.nodeId,
      realm: settings.realm,
      version,
      listen: node.listen,
      controlSocket: settings.socket,
      metricsUrl: node.metricsUrl ?? null,
    });
    await ended;
  } finally {
    void systemd?.stopping();
    await node.stop();
    watchdog.stop();
  }
}

/** Tells systemd of the node, where systemd started it and wants to know. */
function systemdOf(node: MaculaNode, logger: Logger): SystemdNotifier | undefined {
  const wishes = systemdWishes(process.env, process.pid);
  if (!wishes) return undefined;
  const describe = (): string => nodeInOneLine(node.status());
  return new SystemdNotifier({ clock: systemClock, logger, send: sendBySystemdNotify(wishes.notifySocket), describe, isLive: () => node.health().live }, wishes);
}

import { MaculaError } from '../base/errors.js';
import { settings as schema, type SettingName, type Settings } from '../config/schema.js';
import type { Setting } from '../config/setting.js';
import type { ControlClient } from '../control/client.js';
import type { EffectiveConfig, NodeStatus, Peer } from '../control/protocol.js';
import type { MetricsResult } from '../control/protocol-metrics.js';

/** What the running node says of itself, as far as it does. */
export interface NodeView {
  readonly status?: NodeStatus | undefined;
  readonly peers?: readonly Peer[] | undefined;
  readonly config?: EffectiveConfig | undefined;
  readonly metrics?: MetricsResult | undefined;
  /** Version it runs. */
  readonly version?: string | undefined;
  /** Why it gave no status. */
  readonly error?: MaculaError | undefined;
}

/** Asks the node; a node of another version may answer only some of it. @throws MaculaError MACULA_ABORTED */
export async function viewNode(client: ControlClient, signal: AbortSignal): Promise<NodeView> {
  let status: NodeStatus;
  try {
    status = await client.status(signal);
  } catch (error) {
    signal.throwIfAborted();
    return { error: MaculaError.from(error), version: client.serverVersion };
  }
  const unlessRefused = <Answer>(answer: Promise<Answer>): Promise<Answer | undefined> => answer.catch(() => undefined);
  const [peers, config, metrics] = await Promise.all([unlessRefused(client.peers(signal)), unlessRefused(client.config(signal)), unlessRefused(client.metrics(signal))]);
  signal.throwIfAborted();
  return { status: { ...status, relays: status.relays ?? [], warnings: status.warnings ?? [] }, peers: peers?.peers, config, metrics, version: client.serverVersion };
}

/** The settings the node runs with where it tells, otherwise those a node started here would have. */
export function settingsOf(view: NodeView, own: Settings): Settings {
  const told = Object.entries(view.config?.settings ?? {}).flatMap(([name, { value }]) => {
    const setting = schema[name as SettingName] as Setting | undefined;
    if (!setting || setting.secret) return [];
    const parsed = setting.schema.safeParse(value);
    return parsed.success ? [[name, parsed.data]] : [];
  });
  return { ...own, ...Object.fromEntries(told) } as Settings;
}

/** The value of a metric without labels; undefined where the node does not tell. */
export function metricOf(view: NodeView, name: string): number | undefined {
  return view.metrics?.metrics.find((metric) => metric.name === name)?.samples[0]?.value ?? undefined;
}

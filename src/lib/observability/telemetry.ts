import { channel, type Channel } from 'node:diagnostics_channel';
import { telemetryNames, type TelemetryEvents, type TelemetryName } from './telemetry-events.js';

/** Receives an event; must not throw. */
export type TelemetryListener<Name extends TelemetryName> = (event: TelemetryEvents[Name]) => void;

interface Topic {
  readonly channel: Channel;
  readonly listeners: ((event: never) => void)[];
}

/**
 * The one place that all events of a node pass. Metrics and logs listen; whoever embeds the node subscribes to
 * `node:diagnostics_channel`, where `macula:<area>:<event>` carries `{ node, ...event }`.
 */
export class Telemetry {
  readonly #topics: Readonly<Record<TelemetryName, Topic>>;
  readonly #node: () => string | undefined;

  /** @param components.node the id of this node, told with what goes out on channels; several nodes can run in one process */
  constructor(components: { node: () => string | undefined }) {
    this.#node = components.node;
    this.#topics = Object.fromEntries(telemetryNames.map((name) => [name, { channel: channel(`macula:${name}`), listeners: [] }])) as unknown as Record<TelemetryName, Topic>;
  }

  /** Whether anybody would hear it; spares making an event that costs something to make. */
  wants(name: TelemetryName): boolean {
    const topic = this.#topics[name];
    return topic.listeners.length > 0 || topic.channel.hasSubscribers;
  }

  on<Name extends TelemetryName>(name: Name, listener: TelemetryListener<Name>): void {
    this.#topics[name].listeners.push(listener);
  }

  publish<Name extends TelemetryName>(name: Name, event: TelemetryEvents[Name]): void {
    const topic = this.#topics[name];
    for (const listener of topic.listeners) listener(event as never);
    if (topic.channel.hasSubscribers) topic.channel.publish({ node: this.#node(), ...event });
  }
}

import type { Settings } from '../config/schema.js';
import { ControlServer } from '../control/server.js';
import { HttpListener } from '../observability/http-listener.js';
import { HostWatch } from './host-watch.js';
import { type ChildSpec } from './supervisor.js';
import type { TreeComponents } from './tree-components.js';
import { version } from './version.js';

export function controlChild({ handlers, clock, logger }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'control',
    start: async () => {
      const server = new ControlServer({ handlers, clock, logger }, { socketPath: settings.socket, version });
      await server.start();
      return () => server.stop();
    },
  };
}

/** Looks at disk, descriptors and lost datagrams, for health and metrics. */
export function hostChild({ parts, clock }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'host',
    start: async () => {
      const unwanted = (): number => Object.values(parts.endpoint?.stats().dropped ?? {}).reduce((sum, count) => sum + count, 0);
      const host = new HostWatch({ clock, udpPort: () => parts.endpoint?.localAddresses[0]?.port, unwanted }, settings);
      await host.start();
      parts.host = host;
      return async () => {
        parts.host = undefined;
        await host.stop();
      };
    },
  };
}

export function listenerChild({ parts, metrics, health, logger }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'observability',
    start: async () => {
      const listener = new HttpListener({ metrics, health, logger }, settings);
      await listener.start();
      parts.listener = listener;
      return async () => {
        parts.listener = undefined;
        await listener.stop();
      };
    },
  };
}

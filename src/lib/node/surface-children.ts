import type { Settings } from '../config/schema.js';
import { ControlServer } from '../control/server.js';
import { HttpListener } from '../observability/http-listener.js';
import { type ChildSpec } from './supervisor.js';
import type { TreeComponents } from './tree-components.js';
import { version } from './version.js';

export function controlChild({ handlers, clock, logger }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'control',
    start: async () => {
      const server = new ControlServer({ handlers, clock, logger }, { socketPath: settings.socket, dataDir: settings.dataDir, version });
      await server.start();
      return () => server.stop();
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

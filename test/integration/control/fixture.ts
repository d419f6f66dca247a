import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../../src/lib/base/clock.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { ControlClient } from '../../../src/lib/control/client.js';
import type { ControlHandlers } from '../../../src/lib/control/ports.js';
import type { NodeStatus } from '../../../src/lib/control/protocol.js';
import { ControlServer } from '../../../src/lib/control/server.js';

export const nodeId = 'ab'.repeat(32);

export const status: NodeStatus = {
  nodeId,
  realm: 'macula',
  version: '1.0.0',
  pid: process.pid,
  uptimeSeconds: 1,
  state: 'ready',
  listen: [{ host: '127.0.0.1', port: 4433 }],
  publicAddress: null,
  nat: null,
  portMapping: null,
  traffic: { direct: { sent: 0, received: 0 }, relayed: { sent: 0, received: 0 } },
  peers: { connected: 0, direct: 0, relayed: 0 },
  relays: [],
  dht: null,
  pool: null,
  controlSocket: '/s',
  metricsUrl: null,
  warnings: [],
};

function unexpected(): never {
  throw new Error('this handler was not to be called');
}

/** Handlers of which a test needs only a few; the others fail. */
export function handlersWith(some: Partial<ControlHandlers>): ControlHandlers {
  const names = [
    'status', 'stop', 'wait', 'listPeers', 'watchPeers', 'connectPeer', 'disconnectPeer', 'pingPeer', 'trustPeer', 'untrustPeer', 'config',
    'dhtPut', 'dhtGet', 'dhtDelete', 'dhtProviders', 'dhtTrace', 'dhtNodes', 'poolStats', 'pubsubPublish', 'pubsubSubscribe', 'rpc', 'metrics', 'bench',
  ];
  return { ...Object.fromEntries(names.map((name) => [name, unexpected])), ...some } as unknown as ControlHandlers;
}

/** A directory of its own with a control server and clients for it; `close` takes everything away. */
export class ControlFixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'macula-control-'));
  readonly dataDir = join(this.directory, 'data');
  readonly socketPath = join(this.dataDir, 'control.sock');
  readonly pidFile = join(this.dataDir, 'node.pid');
  readonly #servers: ControlServer[] = [];

  server(handlers: Partial<ControlHandlers> = {}, socketPath = this.socketPath, clock: Clock = systemClock): ControlServer {
    const components = { handlers: handlersWith(handlers), clock, logger: silentLogger };
    const server = new ControlServer(components, { socketPath, version: '1.0.0' });
    this.#servers.push(server);
    return server;
  }

  async started(handlers: Partial<ControlHandlers> = {}): Promise<ControlServer> {
    const server = this.server(handlers);
    await server.start();
    return server;
  }

  client(settings: { timeoutMs?: number; version?: string; socketPath?: string } = {}): ControlClient {
    const { socketPath, dataDir, pidFile } = this;
    return new ControlClient({ clock: systemClock }, { socketPath, dataDir, pidFile, socketGiven: false, timeoutMs: 5000, version: '1.0.0', ...settings });
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The error a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: Error & { code?: string }) => error,
  );
}

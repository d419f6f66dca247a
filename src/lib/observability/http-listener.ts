import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { formatAddress } from '../base/address.js';
import { errnoOf, MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { Logger } from '../base/logger.js';
import type { HealthReport } from './health-rules.js';
import type { MetricsPage } from './metrics.js';

export interface HttpListenerSettings {
  readonly metricsHost: string;
  readonly metricsPort: number;
  /** How long a client may take for its request, or keep its connection without one; 10 s where absent. */
  readonly requestTimeoutMs?: number;
}

const schemaVersion = 1;
/** Scrapers send their few hundred bytes at once. */
const defaultRequestTimeoutMs = 10_000;
/** A handful of scrapers and probes, with room; more would be somebody using up descriptors. */
const maxConnections = 64;

/** Serves `/metrics` for Prometheus, and `/livez`, `/readyz` and `/health` (200, or 503 when not so) as JSON. */
export class HttpListener implements Service {
  readonly #metrics: MetricsPage;
  readonly #health: () => HealthReport;
  readonly #logger: Logger;
  readonly #settings: HttpListenerSettings;
  #app: FastifyInstance | undefined;

  constructor(components: { metrics: MetricsPage; health: () => HealthReport; logger: Logger }, settings: HttpListenerSettings) {
    this.#metrics = components.metrics;
    this.#health = components.health;
    this.#logger = components.logger;
    this.#settings = settings;
  }

  /** Where metrics are, for example `http://127.0.0.1:9464/metrics`; undefined while not started. */
  get url(): string | undefined {
    const bound = this.#app?.server.address() as AddressInfo | null | undefined;
    return bound ? `http://${formatAddress({ host: bound.address, port: bound.port })}/metrics` : undefined;
  }

  /** @throws MaculaError MACULA_PORT_IN_USE, MACULA_PERMISSION_DENIED, MACULA_INVALID_CONFIG */
  async start(): Promise<void> {
    if (this.#app) return;
    const { requestTimeoutMs = defaultRequestTimeoutMs } = this.#settings;
    // Node.js looks for late requests twice a minute by itself: until then a few clients that send nothing would keep everybody out.
    const http = { connectionsCheckingInterval: requestTimeoutMs / 2 };
    const app = Fastify({ forceCloseConnections: true, bodyLimit: 1024, requestTimeout: requestTimeoutMs, keepAliveTimeout: requestTimeoutMs, http });
    app.server.maxConnections = maxConnections;
    this.#route(app);
    this.#app = app;
    try {
      await app.listen({ host: this.#settings.metricsHost, port: this.#settings.metricsPort });
    } catch (error) {
      this.#app = undefined;
      await app.close();
      throw this.#explain(error);
    }
    // Without a listener, a connection that cannot be accepted (no descriptor left) would end the process.
    app.server.on('error', (error) => this.#logger.warn('metrics connection not accepted', { error }));
  }

  async stop(): Promise<void> {
    const app = this.#app;
    this.#app = undefined;
    await app?.close();
  }

  #route(app: FastifyInstance): void {
    app.get('/metrics', async (_request, reply) => {
      reply.header('content-type', this.#metrics.contentType);
      return this.#metrics.render();
    });
    app.get('/livez', (_request, reply) => {
      const { live } = this.#health();
      return reply.status(live ? 200 : 503).send({ schemaVersion, live });
    });
    app.get('/readyz', (_request, reply) => {
      const { ready, checks } = this.#health();
      return reply.status(ready ? 200 : 503).send({ schemaVersion, ready, checks });
    });
    app.get('/health', (_request, reply) => {
      const report = this.#health();
      return reply.status(report.live && report.ready ? 200 : 503).send({ schemaVersion, ...report });
    });
    app.setNotFoundHandler((_request, reply) => {
      const error = new MaculaError('MACULA_NOT_FOUND', 'there is no such page', { hint: 'There are /metrics, /livez, /readyz and /health.' });
      return reply.status(404).send({ schemaVersion, error });
    });
    app.setErrorHandler((error, _request, reply) => {
      const status = refusalStatus(error);
      if (status === undefined) this.#logger.error('metrics request failed', { error });
      const shown = status === undefined ? MaculaError.from(error) : new MaculaError('MACULA_USAGE', MaculaError.from(error).message, { hint: 'Pages are read with GET, without a body.' });
      return reply.status(status ?? 500).send({ schemaVersion, error: shown });
    });
  }

  #explain(error: unknown): MaculaError {
    const { metricsHost: host, metricsPort: port } = this.#settings;
    const details = { setting: 'metricsPort', host, port };
    switch (errnoOf(error)) {
      case 'EADDRINUSE':
        return new MaculaError('MACULA_PORT_IN_USE', `TCP port ${port} for metrics is taken by another process`, {
          hint: 'Choose another with MACULA_METRICS_PORT or --metrics-port (0 takes any free one), or set MACULA_METRICS=false.',
          details,
          cause: error,
        });
      case 'EACCES':
        return new MaculaError('MACULA_PERMISSION_DENIED', `the system does not allow TCP port ${port} for metrics`, {
          hint: 'Choose a port above 1023 with MACULA_METRICS_PORT.',
          details,
          cause: error,
        });
      default:
        return new MaculaError('MACULA_INVALID_CONFIG', `cannot listen for metrics on ${host}: ${MaculaError.from(error).message}`, {
          hint: 'Set MACULA_METRICS_HOST to an address of this machine.',
          details: { ...details, setting: 'metricsHost' },
          cause: error,
        });
    }
  }
}

/** The status of a request that Fastify itself refuses (a body too large or not JSON); undefined for a failure of ours. */
function refusalStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  const status = Number(error.statusCode);
  return status >= 400 && status < 500 ? status : undefined;
}

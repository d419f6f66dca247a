import { Readable } from 'node:stream';
import type { Socket } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { throwIfAborted } from '../base/abort.js';
import type { Clock, Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { Logger } from '../base/logger.js';
import { httpStatusOf } from './http-status.js';
import { openApiDocument } from './openapi.js';
import { readJsonValues } from './json-lines.js';
import { closeLingering } from './lingering-close.js';
import type { ControlHandlers } from './ports.js';
import { connectRequest, disconnectRequest, pingRequest, schemaVersion, trustRequest, waitRequest } from './protocol.js';
import { benchRequest } from './protocol-bench.js';
import { dhtDeleteRequest, dhtGetRequest, dhtProvidersRequest, dhtPutRequest, dhtTraceRequest } from './protocol-dht.js';
import { natProbeRequest, peerWhyRequest } from './protocol-nat.js';
import { poolStatsRequest } from './protocol-pool.js';
import { pubsubPublishRequest, pubsubSubscribeRequest } from './protocol-pubsub.js';
import { rpcAnswerLine, rpcAnswerRequest, rpcAnswerStreamRequest, rpcCallRequest, rpcProvidersRequest, rpcServeRequest, rpcStreamRequest } from './protocol-rpc.js';
import { checkEach, checkInput } from './request-input.js';
import { openApiPath, routes, type Operation, type Route } from './routes.js';
import { listenOnSocket } from './unix-socket.js';
import { parseWaitCondition } from './wait-condition.js';

export interface ControlServerSettings {
  /** Path of the Unix socket, or name of the pipe. */
  readonly socketPath: string;
  /** Version of Macula, sent with every answer. */
  readonly version: string;
}

/** Answers one operation: with an object, or with one after the other. `input` is the query or the body, unchecked. */
type Answer = (input: unknown, signal: AbortSignal) => unknown;

/** A message of 1 MiB as base64 inside JSON. */
const bodyLimitBytes = 2 * 1024 * 1024;
/** Time that answers under way get when the server stops. */
const stopGraceMs = 1000;

/** The control socket of a node: HTTP and JSON, for its owner alone (docs/CLI.md, docs/openapi.json). */
export class ControlServer implements Service {
  readonly #handlers: ControlHandlers;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #settings: ControlServerSettings;
  #running: { app: FastifyInstance; shutdown: AbortController; listening: Promise<void> } | undefined;

  constructor(components: { handlers: ControlHandlers; clock: Clock; logger: Logger }, settings: ControlServerSettings) {
    this.#handlers = components.handlers;
    this.#clock = components.clock;
    this.#logger = components.logger;
    this.#settings = settings;
  }

  /** @throws MaculaError as {@link listenOnSocket} */
  async start(): Promise<void> {
    if (this.#running) return this.#running.listening;
    const app = this.#build();
    const shutdown = new AbortController();
    this.#route(app, shutdown.signal);
    const running = { app, shutdown, listening: this.#listen(app) };
    this.#running = running;
    try {
      await running.listening;
    } catch (error) {
      if (this.#running === running) this.#running = undefined;
      await app.close();
      throw error;
    }
  }

  /** Cancels what is under way, gives answers a moment to go out, and removes the socket. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    const { app, shutdown, listening } = running;
    const started = await listening.then(() => true, () => false);
    // A start that failed has cleared up after itself.
    if (!started) return;
    let grace: Timer | undefined;
    const closed = new Promise<void>((resolve) => app.server.close(() => resolve()));
    const late = new Promise<void>((resolve) => (grace = this.#clock.setTimer(stopGraceMs, resolve)));
    shutdown.abort(new MaculaError('MACULA_NO_NODE', 'the node is stopping'));
    await Promise.race([closed, late]);
    grace?.cancel();
    app.server.closeAllConnections();
    await closed;
    await app.close();
  }

  async #listen(app: FastifyInstance): Promise<void> {
    await app.ready();
    await listenOnSocket(app.server, this.#settings.socketPath);
    // Without a listener, a connection that cannot be accepted (no descriptor left) would end the process.
    app.server.on('error', (error) => this.#logger.warn('control connection not accepted', { error }));
  }

  #build(): FastifyInstance {
    const app = Fastify({
      bodyLimit: bodyLimitBytes,
      return503OnClosing: false,
      frameworkErrors: (error, _request, reply) => void this.#fail(reply.header('macula-version', this.#settings.version), error),
      clientErrorHandler: (error, socket) => this.#refuseGarbage(error, socket),
    });
    // Read line by line as it comes, by the routes that take it; to others it is no body.
    app.addContentTypeParser('application/x-ndjson', (_request, payload, done) => done(null, payload));
    app.setErrorHandler((error, _request, reply) => this.#fail(reply, error));
    app.setNotFoundHandler((request, reply) => this.#notFound(request, reply));
    app.addHook('onSend', async (_request, reply) => {
      reply.header('macula-version', this.#settings.version);
      // No connection outlives its answer, so that stopping has nothing to wait for.
      if (!reply.hasHeader('connection')) reply.header('connection', 'close');
    });
    return app;
  }

  #route(app: FastifyInstance, shutdown: AbortSignal): void {
    const answers = this.#answers();
    for (const operation of Object.keys(routes) as Operation[]) {
      const route: Route = routes[operation];
      app.route({
        method: route.method,
        url: route.path,
        exposeHeadRoute: false,
        handler: (request, reply) => {
          const input = route.query ? request.query : request.body;
          const signal = AbortSignal.any([shutdown, clientGone(reply)]);
          if (request.body instanceof Readable) closeLingering(request.raw, reply, this.#clock);
          const answer = answers[operation];
          return route.stream ? stream(reply, answer(input, signal) as AsyncIterable<object>, signal) : one(answer(input, signal));
        },
      });
    }
    app.get(openApiPath, { exposeHeadRoute: false }, () => openApiDocument(this.#settings.version));
    app.addHook('onResponse', async (request) => {
      if (request.routeOptions.url === routes.stop.path) this.#handlers.stop();
    });
  }

  #answers(): Record<Operation, Answer> {
    const handlers = this.#handlers;
    return {
      status: () => handlers.status(),
      stop: () => ({ stopped: true, pid: process.pid }),
      wait: async (input, signal) => {
        const request = checkInput(waitRequest, input);
        await handlers.wait(parseWaitCondition(request.for), request.timeoutMs, signal);
        return { met: true, for: request.for };
      },
      listPeers: () => handlers.listPeers(),
      watchPeers: (_input, signal) => handlers.watchPeers(signal),
      connectPeer: (input, signal) => handlers.connectPeer(checkInput(connectRequest, input), signal),
      disconnectPeer: (input, signal) => handlers.disconnectPeer(checkInput(disconnectRequest, input), signal),
      pingPeer: (input, signal) => handlers.pingPeer(checkInput(pingRequest, input), signal),
      trustPeer: (input, signal) => handlers.trustPeer(checkInput(trustRequest, input), signal),
      untrustPeer: (input, signal) => handlers.untrustPeer(checkInput(trustRequest, input), signal),
      dhtPut: (input, signal) => handlers.dhtPut(checkInput(dhtPutRequest, input), signal),
      dhtGet: (input, signal) => handlers.dhtGet(checkInput(dhtGetRequest, input), signal),
      dhtDelete: (input, signal) => handlers.dhtDelete(checkInput(dhtDeleteRequest, input), signal),
      dhtProviders: (input, signal) => handlers.dhtProviders(checkInput(dhtProvidersRequest, input), signal),
      dhtTrace: (input, signal) => handlers.dhtTrace(checkInput(dhtTraceRequest, input), signal),
      dhtNodes: () => handlers.dhtNodes(),
      rpcCall: (input, signal) => handlers.rpc.call(checkInput(rpcCallRequest, input), signal),
      rpcStream: (input, signal) => streamedIn(input, (first, rest) => handlers.rpc.callStream(checkInput(rpcStreamRequest, first), rest, signal)),
      rpcServe: (input, signal) => handlers.rpc.serve(checkInput(rpcServeRequest, input), signal),
      rpcAnswer: (input) => handlers.rpc.answer(checkInput(rpcAnswerRequest, input)),
      rpcAnswerStream: (input) => streamedIn(input, (first, rest) => handlers.rpc.answerStream(checkInput(rpcAnswerStreamRequest, first), checkEach(rpcAnswerLine, rest))),
      rpcList: () => handlers.rpc.list(),
      rpcProviders: (input, signal) => handlers.rpc.providers(checkInput(rpcProvidersRequest, input), signal),
      poolStats: (input) => handlers.poolStats(checkInput(poolStatsRequest, input).connections === 'true'),
      pubsubPublish: (input, signal) => handlers.pubsubPublish(checkInput(pubsubPublishRequest, input), signal),
      pubsubSubscribe: (input, signal) => handlers.pubsubSubscribe(checkInput(pubsubSubscribeRequest, input), signal),
      whyPeer: (input) => handlers.whyPeer(checkInput(peerWhyRequest, input)),
      natProbe: (input, signal) => handlers.natProbe(checkInput(natProbeRequest, input), signal),
      bench: (input, signal) => handlers.bench(checkInput(benchRequest, input), signal),
      metrics: () => handlers.metrics(),
      config: () => handlers.config(),
    };
  }

  #fail(reply: FastifyReply, cause: unknown): FastifyReply {
    const status = refusalStatus(cause);
    const error = status === undefined ? MaculaError.from(cause) : new MaculaError('MACULA_USAGE', MaculaError.from(cause).message, { hint: `GET ${openApiPath} describes every request.` });
    if (error.code === 'MACULA_UNEXPECTED') this.#logger.error('control request failed', { error: cause });
    return reply.status(status ?? httpStatusOf(error)).send({ schemaVersion, error });
  }

  #notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const path = request.url.split('?', 1)[0]!;
    const methods = Object.values(routes).filter((route) => route.path === path).map((route) => route.method);
    if (path === openApiPath) methods.push('GET');
    const message = methods.length > 0 ? `${path} takes ${methods.join(', ')}, not ${request.method}` : `there is no ${path} here`;
    const error = new MaculaError(methods.length > 0 ? 'MACULA_USAGE' : 'MACULA_NOT_FOUND', message, { hint: `GET ${openApiPath} lists what there is.` });
    if (methods.length > 0) reply.header('allow', methods.join(', '));
    return reply.status(methods.length > 0 ? 405 : 404).send({ schemaVersion, error });
  }

  /** Answers what is not HTTP at all. */
  #refuseGarbage(error: Error, socket: Socket): void {
    if (!socket.writable) return void socket.destroy();
    const refusal = new MaculaError('MACULA_USAGE', `not an HTTP request: ${error.message}`, { hint: `GET ${openApiPath} lists what there is.` });
    const body = JSON.stringify({ schemaVersion, error: refusal });
    const head = ['HTTP/1.1 400 Bad Request', 'content-type: application/json; charset=utf-8', `content-length: ${Buffer.byteLength(body)}`];
    head.push(`macula-version: ${this.#settings.version}`, 'connection: close');
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  }
}

/** Aborts when the connection is gone before the answer was complete. */
function clientGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(new MaculaError('MACULA_ABORTED', 'the client went away'));
  });
  return controller.signal;
}

async function one(answer: unknown): Promise<object> {
  return { schemaVersion, ...((await answer) as object) };
}

/** Tells the first line of a request apart from the values that follow it; a body that is no stream of lines has none. */
async function* streamedIn<Item>(body: unknown, answer: (first: unknown, rest: AsyncIterable<unknown>) => AsyncIterable<Item>): AsyncGenerator<Item, void, void> {
  if (!(body instanceof Readable)) return yield* answer(body, Readable.from([]));
  const lines = readJsonValues(body.iterator({ destroyOnReturn: false }), bodyLimitBytes);
  const first = await lines.next();
  yield* answer(first.done ? {} : first.value, lines);
}

/** Sends each item as a line of its own. The first is waited for, so that what fails at once fails with a status. */
async function stream(reply: FastifyReply, items: AsyncIterable<object>, signal: AbortSignal): Promise<FastifyReply> {
  const iterator = items[Symbol.asyncIterator]();
  const first = await iterator.next();
  const lines = Readable.from(toLines(iterator, first, signal), { highWaterMark: 1 });
  return reply.header('content-type', 'application/x-ndjson; charset=utf-8').send(lines);
}

async function* toLines(iterator: AsyncIterator<object>, first: IteratorResult<object>, signal: AbortSignal): AsyncGenerator<string, void, void> {
  try {
    for (let item = first; !item.done; item = await iterator.next()) yield `${JSON.stringify({ schemaVersion, ...item.value })}\n`;
    throwIfAborted(signal);
  } catch (error) {
    yield `${JSON.stringify({ schemaVersion, error: MaculaError.from(error) })}\n`;
  } finally {
    await iterator.return?.();
  }
}

/** The status of a refusal by Fastify itself (body too large, not JSON, …); undefined for any other error. */
function refusalStatus(error: unknown): number | undefined {
  if (error instanceof MaculaError || !(error instanceof Error) || !('statusCode' in error)) return undefined;
  const status = Number(error.statusCode);
  return status >= 400 && status < 500 ? status : undefined;
}

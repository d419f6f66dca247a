import { abortError, onceAborted, throwIfAborted } from '../base/abort.js';
import type { Timer } from '../base/clock.js';
import type { ErrorCode } from '../base/error-catalogue.js';
import { MaculaError } from '../base/errors.js';
import type { Settings } from '../config/schema.js';
import { FrameType } from '../wire/frame-type.js';
import { dhtReplyBody, dhtReplyTypes, dhtRequestBody, dhtRequestTypes, readDhtReply, readDhtRequest, type DhtRequestType } from '../wire/dht-messages.js';
import type { Contact } from './contact.js';
import type { DhtEffect, DhtEvent } from './dht-events.js';
import type { DhtOperation, DhtResult } from './dht-operations.js';
import type { DhtReply, RequestFailure } from './dht-requests.js';
import type { DhtPorts } from './ports.js';

/** The part of a DhtCore that has to be driven. */
export interface DhtMachine {
  handle(event: DhtEvent, nowMs: number): Iterable<DhtEffect>;
  /** Clock.nowMs() at which handleTimeout is due; undefined or Infinity: never. */
  nextDeadline(): number | undefined;
  handleTimeout(nowMs: number): Iterable<DhtEffect>;
}

interface Waiter {
  readonly resolve: (result: DhtResult) => void;
  readonly reject: (error: MaculaError) => void;
}

/** Counters since start. */
export interface DriverStats {
  readonly requestsInFlight: number;
  readonly requestsSent: number;
  readonly requestsFailed: Readonly<Partial<Record<RequestFailure, number>>>;
  readonly requestsServed: number;
  readonly requestsRefused: number;
  readonly writesFailed: number;
}

const replyTypeOf: Readonly<Record<DhtRequestType, FrameType>> = {
  [FrameType.findNode]: dhtReplyTypes['find-node'],
  [FrameType.findValue]: dhtReplyTypes['find-value'],
  [FrameType.store]: dhtReplyTypes.store,
};

const failureOf: Readonly<Partial<Record<ErrorCode, RequestFailure>>> = {
  MACULA_TIMED_OUT: 'timed-out',
  MACULA_UNREACHABLE: 'unreachable',
  MACULA_CONNECTION_CLOSED: 'closed',
  MACULA_PROTOCOL_VIOLATION: 'malformed',
  MACULA_OVERLOADED: 'overloaded',
  MACULA_ABORTED: 'unsent',
  MACULA_INVALID_VALUE: 'unsent',
};

/** Gives a DhtCore its I/O: requests, replies, writes, the timer. Decides nothing. */
export class DhtDriver {
  readonly #ports: DhtPorts;
  readonly #createMachine: () => DhtMachine;
  readonly #settings: Pick<Settings, 'dhtMaxServing'>;
  /** Events that came while another one was being handled. */
  readonly #queue: DhtEvent[] = [];
  readonly #requests = new Set<number>();
  readonly #operations = new Map<number, Waiter>();
  readonly #served = new Map<number, { readonly reply: (reply: DhtReply) => void; readonly reject: (error: MaculaError) => void }>();
  readonly #writes = new Set<Promise<void>>();
  readonly #failed: Record<RequestFailure, number> = { 'timed-out': 0, unreachable: 0, closed: 0, malformed: 0, overloaded: 0, unsent: 0, error: 0 };
  #machine: DhtMachine | undefined;
  #isHandling = false;
  #nextId = 1;
  #sent = 0;
  #answered = 0;
  #refused = 0;
  #writesFailed = 0;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  #unlisten: () => void = () => undefined;

  /** @param createMachine makes a new one for each start */
  constructor(ports: DhtPorts, createMachine: () => DhtMachine, settings: Pick<Settings, 'dhtMaxServing'>) {
    this.#ports = ports;
    this.#createMachine = createMachine;
    this.#settings = settings;
    for (const type of dhtRequestTypes) ports.transport.serve(type, replyTypeOf[type], (body, from) => this.#serve(type, body, from));
  }

  start(contacts: readonly Contact[]): void {
    const { transport, records } = this.#ports;
    this.#machine = this.#createMachine();
    this.handle({ type: 'start', contacts, stored: records.entries() });
    this.#unlisten = transport.listen({
      opened: (contact) => this.handle({ type: 'peer-opened', contact }),
      closed: (nodeId) => this.handle({ type: 'peer-closed', nodeId }),
    });
    for (const contact of transport.connected()) this.handle({ type: 'peer-opened', contact });
  }

  /** Ends what is under way; resolves when everything that was to be written is written. */
  async stop(): Promise<void> {
    this.#machine = undefined;
    this.#queue.length = 0;
    this.#unlisten();
    this.#timer?.cancel();
    this.#timerAtMs = Infinity;
    const error = stoppedError();
    for (const { reject } of [...this.#operations.values()]) reject(error);
    this.#operations.clear();
    this.#requests.clear();
    for (const { reject } of [...this.#served.values()]) reject(error);
    this.#served.clear();
    await Promise.all(this.#writes);
  }

  /** Runs a local operation; aborting the signal ends it. @throws MaculaError MACULA_ABORTED */
  run(operation: DhtOperation, signal?: AbortSignal): Promise<DhtResult> {
    throwIfAborted(signal);
    if (!this.#machine) throw stoppedError();
    const operationId = this.#nextId++;
    return new Promise<DhtResult>((resolve, reject) => {
      const onAbort = (): void => {
        this.#operations.delete(operationId);
        this.handle({ type: 'abort', operationId });
        reject(abortError(signal!));
      };
      const settled = (): void => signal?.removeEventListener('abort', onAbort);
      this.#operations.set(operationId, {
        resolve: (result) => {
          settled();
          resolve(result);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      if (signal) onceAborted(signal, onAbort);
      this.handle({ type: 'operation', operationId, operation });
    });
  }

  stats(): DriverStats {
    return {
      requestsInFlight: this.#requests.size,
      requestsSent: this.#sent,
      requestsFailed: { ...this.#failed },
      requestsServed: this.#answered,
      requestsRefused: this.#refused,
      writesFailed: this.#writesFailed,
    };
  }

  handle(event: DhtEvent): void {
    if (!this.#machine) return;
    this.#queue.push(event);
    this.#work(undefined);
  }

  /** Handles what waits; effects that bring new events are carried out to the end first, so that writes keep their order. */
  #work(first: Iterable<DhtEffect> | undefined): void {
    if (this.#isHandling) return;
    this.#isHandling = true;
    try {
      for (const effect of first ?? []) this.#perform(effect);
      for (let event = this.#queue.shift(); event; event = this.#queue.shift()) {
        for (const effect of this.#machine?.handle(event, this.#ports.clock.nowMs()) ?? []) this.#perform(effect);
      }
    } finally {
      this.#isHandling = false;
    }
    this.#schedule();
  }

  #perform(effect: DhtEffect): void {
    switch (effect.type) {
      case 'request':
        return this.#request(effect);
      case 'reply':
        this.#served.get(effect.replyTo)?.reply(effect.reply);
        return void this.#served.delete(effect.replyTo);
      case 'write':
        return this.#write(effect);
      case 'remove':
        return this.#track(this.#ports.records.remove(effect.key).catch((error: unknown) => this.#writeFailed(error)));
      case 'finished':
        this.#operations.get(effect.operationId)?.resolve(effect.result);
        return void this.#operations.delete(effect.operationId);
      case 'keep-connected':
        return this.#ports.transport.keep(effect.nodeIds);
    }
  }

  #request({ requestId, contact, request, timeoutMs }: DhtEffect & { type: 'request' }): void {
    this.#requests.add(requestId);
    this.#sent++;
    const { frameType, body } = dhtRequestBody(request);
    const machine = this.#machine;
    const ended = (event: DhtEvent): void => {
      // After a stop nobody asked, whatever a new start has asked since.
      if (this.#machine !== machine) return;
      this.#requests.delete(requestId);
      this.handle(event);
    };
    this.#ports.transport
      .request(contact, frameType, body, { timeoutMs })
      .then((reply) => readDhtReply(request, reply))
      .then(
        (reply) => ended({ type: 'reply-received', requestId, reply }),
        (error: unknown) => {
          const { code, message } = MaculaError.from(error);
          const failure = failureOf[code] ?? 'error';
          this.#failed[failure]++;
          ended({ type: 'request-failed', requestId, failure, detail: message });
        },
      );
  }

  #write({ writeId, key, value }: DhtEffect & { type: 'write' }): void {
    const written = this.#ports.records.put(key, value).then(
      () => this.handle({ type: 'written', writeId }),
      (error: unknown) => {
        this.#writeFailed(error);
        this.handle({ type: 'write-failed', writeId });
      },
    );
    this.#track(written);
  }

  #track(work: Promise<void>): void {
    this.#writes.add(work);
    void work.finally(() => this.#writes.delete(work));
  }

  #writeFailed(error: unknown): void {
    this.#writesFailed++;
    this.#ports.logger.warn('a DHT record could not be written or removed', { error: MaculaError.from(error).message });
  }

  /** Answers a peer's request: at once where nothing has to be written first. */
  #serve(type: DhtRequestType, body: unknown, from: Contact): unknown {
    const request = readDhtRequest(type, body);
    if (!this.#machine) throw stoppedError();
    if (this.#served.size >= this.#settings.dhtMaxServing) {
      this.#refused++;
      throw new MaculaError('MACULA_OVERLOADED', 'too many DHT requests wait to be written', { details: { limit: 'dhtMaxServing', value: this.#settings.dhtMaxServing } });
    }
    this.#answered++;
    const replyTo = this.#nextId++;
    let atOnce: DhtReply | undefined;
    this.#served.set(replyTo, { reply: (reply) => (atOnce = reply), reject: () => undefined });
    this.handle({ type: 'request-received', replyTo, from, request });
    if (atOnce) return dhtReplyBody(atOnce).body;
    return new Promise((resolve, reject) => this.#served.set(replyTo, { reply: (reply) => resolve(dhtReplyBody(reply).body), reject }));
  }

  /** One timer; one that is set too early merely looks once more. */
  #schedule(): void {
    const deadlineMs = this.#machine?.nextDeadline() ?? Infinity;
    if (deadlineMs >= this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = deadlineMs;
    const { clock } = this.#ports;
    this.#timer = clock.setTimer(Math.max(0, deadlineMs - clock.nowMs()), () => {
      this.#timerAtMs = Infinity;
      this.#work(this.#machine?.handleTimeout(clock.nowMs()));
    });
  }
}

function stoppedError(): MaculaError {
  return new MaculaError('MACULA_ABORTED', 'the node is shutting down or not running');
}

import { spawn } from 'node:child_process';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { errnoOf } from '../../lib/base/errors.js';

/** What a call came to: a result, or why there is none. */
export type RunOutcome = { readonly result: unknown } | { readonly error: RunFailure };

export interface RunFailure {
  readonly message: string;
  /** A status code of gRPC, by name. */
  readonly status: string;
  readonly details: Record<string, unknown>;
}

/** A call as a command or URL is told of it. */
export interface RunCall {
  readonly procedure: string;
  readonly args: unknown;
  readonly caller: string;
}

/** Runs one call. Aborting the signal ends what runs at once. Never rejects. */
export type Runner = (call: RunCall, signal: AbortSignal) => Promise<RunOutcome>;

/** Most bytes of a result; the mesh takes no more. */
const maxResultBytes = 1024 * 1024;
/** Most characters of stderr or of a response that reach the caller as the reason. */
export const maxReasonLength = 1000;

const failed = (status: string, message: string, details: Record<string, unknown> = {}): RunOutcome => ({ error: { status, message: message.slice(0, maxReasonLength), details } });
const cancelled = (): RunOutcome => failed('CANCELLED', 'the call was cancelled');

/**
 * Runs a command for each call, without a shell: the arguments as JSON on its stdin, the result as JSON on its stdout; nothing there is null. An exit code other
 * than 0 is a failure, with what it wrote to stderr as the reason.
 * @param words the program and its arguments
 */
export function commandRunner(words: readonly string[]): Runner {
  const [program, ...programArgs] = words;
  return ({ procedure, args, caller }, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve(cancelled());
      const env = { ...process.env, MACULA_RPC_PROCEDURE: procedure, MACULA_RPC_CALLER: caller };
      // A group of its own, so that what the command starts ends with it.
      const child = spawn(program!, programArgs, { stdio: ['pipe', 'pipe', 'pipe'], env, detached: true });
      const output = new Collected(maxResultBytes);
      const errors = new Collected(maxReasonLength * 4);
      const kill = (): void => killGroup(child.pid);
      const onAbort = (): void => kill();
      signal.addEventListener('abort', onAbort, { once: true });
      const end = (outcome: RunOutcome): void => {
        signal.removeEventListener('abort', onAbort);
        resolve(outcome);
      };
      child.once('error', (error) => end(failed('UNAVAILABLE', `the command could not be run: ${errnoOf(error) ?? error.message}`)));
      child.stdout.on('data', (chunk: Buffer) => {
        if (!output.add(chunk)) kill();
      });
      child.stderr.on('data', (chunk: Buffer) => void errors.add(chunk));
      // A command that does not read its arguments is none the worse for it.
      child.stdin.on('error', () => undefined);
      child.stdin.end(JSON.stringify(args));
      child.once('close', (code, killedBy) => {
        if (signal.aborted) return end(cancelled());
        if (output.isOver) return end(failed('RESOURCE_EXHAUSTED', `the command printed more than ${maxResultBytes} bytes`));
        if (code === 0) return end(resultOf(output.text, 'the command'));
        const how = code === null ? `was ended by ${killedBy}` : `exited with ${code}`;
        const reason = errors.text.trim();
        end(failed('UNKNOWN', reason === '' ? `the command ${how}` : reason, code === null ? { signal: killedBy } : { exitCode: code }));
      });
    });
}

/** Posts each call's arguments to a URL as JSON; a response of 200 to 299 is the result, any other a failure with its body as the reason. */
export function urlRunner(url: URL): Runner {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return ({ procedure, args, caller }, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve(cancelled());
      const body = JSON.stringify(args);
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'macula-procedure': procedure, 'macula-caller': caller };
      const outgoing = send(url, { method: 'POST', headers, signal }, (response) => {
        collect(response).then(resolve, () => resolve(signal.aborted ? cancelled() : failed('UNAVAILABLE', 'the response broke off')));
      });
      outgoing.once('error', (error) => resolve(signal.aborted ? cancelled() : failed('UNAVAILABLE', `${url.host} does not answer: ${errnoOf(error) ?? error.message}`)));
      outgoing.end(body);
    });
}

async function collect(response: IncomingMessage): Promise<RunOutcome> {
  const body = new Collected(maxResultBytes);
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (!body.add(chunk)) return failed('RESOURCE_EXHAUSTED', `the response has more than ${maxResultBytes} bytes`);
  }
  const code = response.statusCode ?? 0;
  if (code >= 200 && code < 300) return resultOf(body.text, 'the response');
  const reason = body.text.trim();
  return failed(statusOfHttp(code), reason === '' ? `the endpoint answered ${code}` : reason, { httpStatus: code });
}

/** As gRPC maps them (grpc/doc/http-grpc-status-mapping.md), with the client errors that have a meaning of their own. */
function statusOfHttp(code: number): string {
  const known: Readonly<Record<number, string>> = {
    400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 403: 'PERMISSION_DENIED', 404: 'NOT_FOUND', 409: 'ABORTED', 412: 'FAILED_PRECONDITION', 429: 'RESOURCE_EXHAUSTED',
    501: 'UNIMPLEMENTED', 502: 'UNAVAILABLE', 503: 'UNAVAILABLE', 504: 'UNAVAILABLE',
  };
  return known[code] ?? (code >= 500 ? 'INTERNAL' : 'UNKNOWN');
}

function resultOf(text: string, whose: string): RunOutcome {
  if (text.trim() === '') return { result: null };
  try {
    return { result: JSON.parse(text) as unknown };
  } catch {
    return failed('INTERNAL', `the output of ${whose} is not JSON`);
  }
}

/** Kills a command and all it started. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // It has ended by itself meanwhile.
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

/** Bytes as they come, up to a limit. */
export class Collected {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  isOver = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Returns false when there are too many; what is beyond the limit is dropped. */
  add(chunk: Buffer): boolean {
    if (this.#bytes + chunk.length > this.#limit) {
      this.isOver = true;
      return false;
    }
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    return true;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

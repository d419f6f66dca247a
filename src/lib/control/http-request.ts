import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { abortError, onceAborted } from '../base/abort.js';

export interface SocketRequest {
  readonly socketPath: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Values that are sent after the body, a line each, as far as the other side reads. */
  readonly lines?: AsyncIterable<unknown>;
}

/**
 * Sends one HTTP request over a Unix socket or named pipe and resolves with the head of the response.
 * @param untilHead aborting it before the head arrives rejects
 * @param whole aborting it ends the response, too
 */
export function sendRequest(options: SocketRequest, untilHead: AbortSignal, whole: AbortSignal | undefined): Promise<IncomingMessage> {
  const { socketPath, method, path } = options;
  const text = options.body === undefined ? undefined : JSON.stringify(options.body);
  const headers = options.lines ? { 'content-type': 'application/x-ndjson' } : text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, headers, agent: false });
    const onAbort = (): void => void outgoing.destroy(abortError(untilHead));
    onceAborted(untilHead, onAbort);
    outgoing.on('error', (error) => {
      untilHead.removeEventListener('abort', onAbort);
      reject(error);
    });
    outgoing.once('response', (response) => {
      untilHead.removeEventListener('abort', onAbort);
      if (whole) endWithSignal(response, whole);
      resolve(response);
    });
    if (options.lines) sendLines(outgoing, text!, options.lines);
    else outgoing.end(text);
  });
}

/** Whatever reading the values fails with breaks off the request. */
function sendLines(outgoing: ClientRequest, first: string, lines: AsyncIterable<unknown>): void {
  async function* texts(): AsyncGenerator<string> {
    yield `${first}\n`;
    for await (const value of lines) yield `${JSON.stringify(value)}\n`;
  }
  const source = Readable.from(texts(), { highWaterMark: 16 });
  source.once('error', (error) => outgoing.destroy(error));
  outgoing.once('close', () => source.destroy());
  source.pipe(outgoing);
}

function endWithSignal(response: IncomingMessage, signal: AbortSignal): void {
  const onAbort = (): void => void response.destroy(abortError(signal));
  onceAborted(signal, onAbort);
  response.once('close', () => signal.removeEventListener('abort', onAbort));
}

/** The whole body as text. */
export async function readText(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += chunk as string;
  return text;
}

/** The lines of a body, as they come. */
export async function* readJsonLines(response: IncomingMessage): AsyncGenerator<string, void, void> {
  response.setEncoding('utf8');
  let rest = '';
  for await (const chunk of response) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line !== '') yield line;
  }
}

import { request } from 'node:http';
import type { Clock } from '../base/clock.js';
import { withTimeout } from '../base/abort.js';
import { MaculaError } from '../base/errors.js';

/** A description has about 5 KB. */
const maxBodyBytes = 65_536;
const maxHeaderBytes = 8192;
/** Slow routers take a second. */
const timeoutMs = 4000;

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * One HTTP request to a gateway: nothing is followed, and no more than 64 KiB are read.
 * @param url its host is an IP address
 * @param soap a body to be posted, and the action it asks for
 * @throws MaculaError MACULA_UNREACHABLE, MACULA_TIMED_OUT, MACULA_ABORTED
 */
export function askGateway(clock: Clock, url: URL, soap: { readonly action: string; readonly body: string } | undefined, signal: AbortSignal): Promise<HttpAnswer> {
  return withTimeout(clock, timeoutMs, 'the gateway', signal, (within) => exchange(url, soap, within));
}

function exchange(url: URL, soap: { action: string; body: string } | undefined, signal: AbortSignal): Promise<HttpAnswer> {
  const headers = soap ? { 'content-type': 'text/xml; charset="utf-8"', soapaction: `"${soap.action}"`, 'content-length': Buffer.byteLength(soap.body) } : {};
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(new MaculaError('MACULA_UNREACHABLE', `the gateway does not answer: ${error.message}`, { cause: error }));
    const asked = request(url, { method: soap ? 'POST' : 'GET', headers, agent: false, maxHeaderSize: maxHeaderBytes, signal }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBodyBytes) asked.destroy(new Error('it says too much'));
        else chunks.push(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
      response.on('error', fail);
    });
    asked.on('error', fail);
    asked.end(soap?.body);
  });
}

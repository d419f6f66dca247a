import { lookup } from 'node:dns/promises';
import { withTimeout } from '../base/abort.js';
import { canonicalHost } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import { silentLogger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import { generateIdentity } from '../identity/certificate.js';
import { verifyPeerChain } from '../identity/certificate-rules.js';
import { parsePeerUrl } from '../identity/peer-url.js';
import { CloseCode } from '../transport/endpoint.js';
import { QuicheEndpoint } from '../transport/quiche-endpoint.js';
import type { Reach } from './reach-checks.js';

export interface DialComponents {
  readonly clock: Clock;
  readonly random: RandomSource;
}

/**
 * Dials nodes over QUIC from a socket and with an identity of its own, up to the proof of who they are; it does not join
 * their realm.
 * @param timeoutMs for each @throws MaculaError MACULA_ABORTED, and where no socket can be opened
 */
export async function dialBootstrap(urls: readonly string[], components: DialComponents, settings: Settings, timeoutMs: number, signal: AbortSignal): Promise<Reach[]> {
  if (urls.length === 0) return [];
  const { clock } = components;
  const identity = await generateIdentity('ed25519', components);
  const endpoint = new QuicheEndpoint({ ...components, identity, verifyPeer: (chain) => verifyPeerChain(chain, clock.wallMs()), logger: silentLogger }, { ...settings, quicPort: 0 });
  await endpoint.start();
  try {
    return await Promise.all(urls.map((url) => reach(endpoint, url, clock, timeoutMs, signal)));
  } finally {
    await endpoint.stop();
  }
}

async function reach(endpoint: QuicheEndpoint, url: string, clock: Clock, timeoutMs: number, signal: AbortSignal): Promise<Reach> {
  const begunMs = clock.nowMs();
  try {
    const nodeId = await withTimeout(clock, timeoutMs, `dialling ${url}`, signal, (within) => dial(endpoint, url, within));
    return { url, nodeId, durationMs: clock.nowMs() - begunMs, error: undefined };
  } catch (error) {
    if (signal.aborted) throw error;
    const { code, message } = MaculaError.from(error);
    return { url, nodeId: undefined, durationMs: clock.nowMs() - begunMs, error: code === 'MACULA_TIMED_OUT' ? `no answer within ${timeoutMs} ms` : message };
  }
}

/** The first address that answers tells the id. */
async function dial(endpoint: QuicheEndpoint, url: string, signal: AbortSignal): Promise<string> {
  const { host, port, nodeId: expectedId } = parsePeerUrl(url);
  const addresses = await resolve(host);
  const attempts = addresses.map(async (address) => {
    const connection = await endpoint.dial({ kind: 'direct', address: { host: address, port } }, { signal, ...(expectedId !== undefined && { expectedId }) });
    const { nodeId } = connection.peer;
    connection.close(CloseCode.normal, 'only looking');
    return nodeId;
  });
  return Promise.any(attempts).catch((error: unknown) => {
    throw error instanceof AggregateError ? error.errors[0] : error;
  });
}

async function resolve(host: string): Promise<string[]> {
  const literal = canonicalHost(host);
  if (literal !== undefined) return [literal];
  const found = await lookup(host, { all: true }).catch(() => []);
  const addresses = found.map(({ address }) => canonicalHost(address)).filter((address) => address !== undefined);
  if (addresses.length === 0) throw new MaculaError('MACULA_UNREACHABLE', `no address is known of ${host}`);
  return addresses;
}

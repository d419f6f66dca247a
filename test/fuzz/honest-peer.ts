import { systemClock } from '../../src/lib/base/clock.js';
import { silentLogger } from '../../src/lib/base/logger.js';
import { systemRandom } from '../../src/lib/base/random.js';
import { defaultSettings } from '../../src/lib/config/schema.js';
import { verifyPeerChain } from '../../src/lib/identity/certificate-rules.js';
import type { Session } from '../../src/lib/session/session.js';
import { MeshSessionManager } from '../../src/lib/session/session-manager.js';
import { QuicheEndpoint } from '../../src/lib/transport/quiche-endpoint.js';
import { openUdpSocket, type UdpSocketFactory } from '../../src/lib/transport/udp-socket.js';
import { newIdentity } from '../support/odd-identities.js';

/** A peer that keeps to the protocol, in this process. */
export interface HonestPeer {
  readonly session: Session;
  /** All datagrams it sent, as they were. */
  readonly sent: readonly Buffer[];
  stop(): Promise<void>;
}

/** Enough to have one of every kind; memory of the fuzzer must stay flat as well. */
const keptDatagrams = 200;

/** Connects to a node and is admitted. @throws MaculaError as SessionManager.dial */
export async function connectHonestPeer(port: number, signal?: AbortSignal): Promise<HonestPeer> {
  const identity = await newIdentity();
  const settings = { ...defaultSettings(), quicPort: 0, host: '127.0.0.1', udpPayloadBytes: 1200 };
  const sent: Buffer[] = [];
  const openSocket: UdpSocketFactory = async (binding) => {
    const socket = await openUdpSocket(binding);
    const send = socket.send.bind(socket);
    socket.send = (buffer, length, ...rest) => {
      if (sent.length < keptDatagrams) sent.push(Buffer.from(buffer.subarray(0, length)));
      return send(buffer, length, ...rest);
    };
    return socket;
  };
  const components = { identity, verifyPeer: (chain: readonly Uint8Array[]) => verifyPeerChain(chain, systemClock.wallMs()), clock: systemClock, random: systemRandom, logger: silentLogger };
  const endpoint = new QuicheEndpoint({ ...components, openSocket }, settings);
  const sessions = new MeshSessionManager(
    { ...components, endpoint, nodeId: identity.nodeId, isDenied: () => false, agent: 'honest', capabilities: [], listenAddresses: () => endpoint.localAddresses },
    settings,
  );
  const stop = async (): Promise<void> => {
    await sessions.stop();
    await endpoint.stop();
  };
  try {
    await endpoint.start();
    await sessions.start();
    const session = await sessions.dial({ kind: 'direct', address: { host: '127.0.0.1', port } }, signal ? { signal } : {});
    return { session, sent, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

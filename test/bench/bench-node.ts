import { systemClock } from '../../src/lib/base/clock.js';
import { silentLogger } from '../../src/lib/base/logger.js';
import { systemRandom } from '../../src/lib/base/random.js';
import { defaultSettings, type Settings } from '../../src/lib/config/schema.js';
import { generateIdentity } from '../../src/lib/identity/certificate.js';
import { verifyPeerChain } from '../../src/lib/identity/certificate-rules.js';
import { MeshSessionManager } from '../../src/lib/session/session-manager.js';
import type { Session } from '../../src/lib/session/session.js';
import type { Route, StreamHandler, TransportStream } from '../../src/lib/transport/endpoint.js';
import { QuicheEndpoint } from '../../src/lib/transport/quiche-endpoint.js';
import { FrameType } from '../../src/lib/wire/frame-type.js';

/** A node as far as sessions go, with default settings but for those given. It answers CALL with the body it got. */
export class BenchNode {
  readonly endpoint: QuicheEndpoint;
  readonly sessions: MeshSessionManager;

  readonly nodeId: string;

  private constructor(nodeId: string, endpoint: QuicheEndpoint, sessions: MeshSessionManager) {
    this.nodeId = nodeId;
    this.endpoint = endpoint;
    this.sessions = sessions;
  }

  static async start(given: Partial<Settings> = {}): Promise<BenchNode> {
    const settings = { ...defaultSettings(), quicPort: 0, host: '127.0.0.1', ...given };
    const components = { clock: systemClock, random: systemRandom, logger: silentLogger };
    const identity = await generateIdentity('ed25519', components);
    const endpoint = new QuicheEndpoint({ ...components, identity, verifyPeer: (chain) => verifyPeerChain(chain, systemClock.wallMs()) }, settings);
    const sessions = new MeshSessionManager(
      { ...components, endpoint, nodeId: identity.nodeId, isDenied: () => false, agent: 'bench', capabilities: [], listenAddresses: () => endpoint.localAddresses },
      settings,
    );
    sessions.handle(FrameType.call, FrameType.reply, (body) => body);
    sessions.handleStream('sink', (_header, stream) => new Sink(stream));
    await endpoint.start();
    await sessions.start();
    return new BenchNode(identity.nodeId, endpoint, sessions);
  }

  get port(): number {
    return this.endpoint.localAddresses[0]!.port;
  }

  dial(port: number): Promise<Session> {
    return this.sessions.dial(loopbackRoute(port));
  }

  async stop(): Promise<void> {
    await this.sessions.stop();
    await this.endpoint.stop();
  }
}

export function loopbackRoute(port: number): Route {
  return { kind: 'direct', address: { host: '127.0.0.1', port } };
}

/** Reads a stream to its end and then answers with its own end. */
class Sink implements StreamHandler {
  readonly #stream: TransportStream;

  constructor(stream: TransportStream) {
    this.#stream = stream;
  }

  onData(): void {}
  onReset(): void {}
  onStopped(): void {}
  onDrain(): void {}
  onClose(): void {}

  onEnd(): void {
    this.#stream.end();
  }
}

const chunkBytes = 64 * 1024;

/** Megabytes (10^6) a second over a stream of its own, one way, from the first write until the peer has read it all. */
export async function bulkRate(session: Session, bytes: number): Promise<number> {
  const chunk = Buffer.alloc(chunkBytes, 7);
  const startMs = performance.now();
  let left = bytes;
  await new Promise<void>((resolve, reject) => {
    const more = (): void => {
      let room = true;
      while (room && left > 0) {
        room = stream.write(chunk);
        left -= chunk.length;
      }
      if (left <= 0) stream.end();
    };
    const stream = session.openStream('sink', null, { onData: () => undefined, onEnd: resolve, onReset: reject, onStopped: reject, onDrain: more, onClose: () => undefined });
    more();
  });
  return bytes / 1e6 / ((performance.now() - startMs) / 1000);
}

const body = Buffer.alloc(100, 7);

/** One request of 100 bytes, answered with 100 bytes. */
export function ask(session: Session): Promise<unknown> {
  return session.request(FrameType.call, body);
}

/** Latencies of requests, milliseconds, with `atOnce` under way all the time. */
export async function latencies(session: Session, count: number, atOnce: number): Promise<number[]> {
  const measured: number[] = [];
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < count) {
      started++;
      const startMs = performance.now();
      await ask(session);
      measured.push(performance.now() - startMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return measured;
}

/** Requests a second with `atOnce` under way all the time. */
export async function requestRate(session: Session, count: number, atOnce: number): Promise<number> {
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < count) {
      started++;
      await ask(session);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: atOnce }, worker));
  return count / ((performance.now() - startMs) / 1000);
}

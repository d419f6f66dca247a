import { quiche } from '@matrixai/quic/native/index.js';
import type { Config, Connection } from '@matrixai/quic/native/types.js';
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import type { NodeIdentity } from '../../../src/lib/identity/identity.js';

export interface RawClientOptions {
  /** None: the client shows no certificate. */
  identity?: NodeIdentity;
  protocol?: string;
  /** A TLS session to resume. */
  session?: Uint8Array;
  earlyData?: boolean;
  /** It sends its first flight and never reacts to anything. */
  mute?: boolean;
}

const local = { host: '192.0.2.9', port: 9 };
const remote = { host: '192.0.2.8', port: 8 };
const algorithms = 'ed25519:ecdsa_secp256r1_sha256:rsa_pss_rsae_sha256';

function configOf({ identity, protocol = 'macula/1', earlyData = false }: RawClientOptions): Config {
  const pem = (text: string): Uint8Array[] => [Buffer.from(text)];
  const key = identity ? pem(identity.privateKeyPem) : null;
  const config = quiche.Config.withBoringSslCtx(true, true, null, key, identity ? pem(identity.certificatePem) : null, algorithms);
  config.setApplicationProtos([protocol]);
  config.setMaxIdleTimeout(5000);
  config.setInitialMaxData(1_000_000);
  config.setInitialMaxStreamDataBidiLocal(100_000);
  config.setInitialMaxStreamDataBidiRemote(100_000);
  config.setInitialMaxStreamsBidi(10);
  if (earlyData) config.enableEarlyData();
  return config;
}

/** A QUIC client of the bare library, to do what an endpoint of ours never does. */
export class RawClient {
  readonly native: Connection;
  /** All datagrams it sent, as they were. */
  readonly sent: Buffer[] = [];
  readonly #socket: Socket = createSocket('udp4');
  readonly #port: number;
  #watchers: (() => void)[] = [];

  constructor(port: number, options: RawClientOptions = {}) {
    this.#port = port;
    this.native = quiche.Connection.connect(null, randomBytes(8), local, remote, configOf(options));
    if (options.session) this.native.setSession(options.session);
    this.#socket.on('message', (packet) => {
      if (options.mute) return;
      try {
        this.native.recv(packet, { from: remote, to: local });
      } catch {
        // Seen in localError().
      }
      this.flush();
    });
  }

  flush(): void {
    const buffer = Buffer.alloc(1400);
    for (;;) {
      const result = this.native.send(buffer);
      if (result === null) break;
      const packet = Buffer.from(buffer.subarray(0, result[0]));
      this.sent.push(packet);
      this.#socket.send(packet, this.#port, '127.0.0.1');
    }
    for (const watcher of this.#watchers) watcher();
  }

  /** Sends a datagram as it is. */
  sendRaw(packet: Uint8Array): void {
    this.#socket.send(packet, this.#port, '127.0.0.1');
  }

  /** Resolves when the condition holds; it is looked at after each packet. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#watchers = this.#watchers.filter((one) => one !== look);
        resolve();
      };
      this.#watchers.push(look);
      this.flush();
    });
  }

  close(): void {
    this.#socket.close();
  }
}

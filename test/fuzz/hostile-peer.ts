import { quiche } from '@matrixai/quic/native/index.js';
import { systemClock } from '../../src/lib/base/clock.js';
import type { RandomSource } from '../../src/lib/base/random.js';
import type { NodeIdentity } from '../../src/lib/identity/identity.js';
import { RawClient } from '../integration/transport/raw-client.js';
import { connectFrame } from './frames.js';

/** A node that loses a packet under fire answers late or never; the fuzzer goes on without it. */
const patienceMs = 1000;

/** A peer that comes in by the front door and then misbehaves. */
export class HostilePeer {
  readonly #raw: RawClient;
  readonly #random: RandomSource;

  private constructor(raw: RawClient, random: RandomSource) {
    this.#raw = raw;
    this.#random = random;
  }

  /** Connects, and says HELLO as an honest node would if asked to; undefined when that did not work out in time. */
  static async enter(port: number, identity: NodeIdentity, random: RandomSource, sayHello: boolean): Promise<HostilePeer | undefined> {
    const peer = new HostilePeer(new RawClient(port, { identity }), random);
    const { native } = peer.#raw;
    if (!(await peer.#waitFor(() => native.isEstablished()))) return undefined;
    if (!sayHello) return peer;
    native.streamSend(0, connectFrame(random), false);
    const admitted = await peer.#waitFor(() => native.streamReadable(0));
    return admitted ? peer : undefined;
  }

  get isOver(): boolean {
    const { native } = this.#raw;
    return native.isClosed() || native.isDraining();
  }

  /** Writes to a stream in pieces of any size; sometimes, unless it is to be gentle, ends, resets or refuses it afterwards. */
  send(stream: number, bytes: Buffer, isGentle = false): void {
    const random = this.#random;
    const { native } = this.#raw;
    try {
      for (let rest = bytes; rest.length > 0; ) {
        const piece = rest.subarray(0, random.float() < 0.7 ? rest.length : 1 + random.integer(rest.length));
        const written = native.streamSend(stream, piece, false);
        if (written === null || written < piece.length) break;
        rest = rest.subarray(piece.length);
        if (random.float() < 0.5) this.#raw.flush();
      }
      const draw = isGentle ? 1 : random.float();
      if (draw < 0.04) native.streamSend(stream, new Uint8Array(0), true);
      else if (draw < 0.08) native.streamShutdown(stream, quiche.Shutdown.Write, random.integer(2 ** 30));
      else if (draw < 0.12) native.streamShutdown(stream, quiche.Shutdown.Read, random.integer(2 ** 30));
      else if (draw < 0.16) native.sendAckEliciting();
    } catch {
      // The stream or the connection is over: the node has had enough of it.
    }
    this.#raw.flush();
  }

  /** Datagrams it has sent so far. */
  get sent(): readonly Buffer[] {
    return this.#raw.sent;
  }

  /** Sends a datagram from the socket its connection lives on. */
  sendRaw(packet: Uint8Array): void {
    this.#raw.sendRaw(packet);
  }

  async leave(): Promise<void> {
    const { native } = this.#raw;
    if (!this.isOver) {
      native.close(this.#random.float() < 0.5, this.#random.integer(2 ** 20), this.#random.bytes(this.#random.integer(80)));
      this.#raw.flush();
      // Datagrams leave the socket a turn after they were handed to it.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#raw.close();
  }

  async #waitFor(condition: () => boolean): Promise<boolean> {
    const met = await new Promise<boolean>((resolve) => {
      const timer = systemClock.setTimer(patienceMs, () => resolve(false));
      void this.#raw.until(() => condition() || this.isOver).then(() => {
        timer.cancel();
        resolve(!this.isOver);
      });
    });
    if (!met) this.#raw.close();
    return met;
  }
}

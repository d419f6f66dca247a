import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { systemClock } from '../../src/lib/base/clock.js';
import { seededRandom, type RandomSource } from '../../src/lib/base/random.js';
import type { NodeIdentity } from '../../src/lib/identity/identity.js';
import { newIdentity } from '../support/odd-identities.js';
import { growthOf, residentBytes } from '../support/process-memory.js';
import { CallFrames } from './call-frames.js';
import { DatagramFuzzer } from './datagrams.js';
import { connectFrame, FrameFuzzer } from './frames.js';
import { connectHonestPeer, type HonestPeer } from './honest-peer.js';
import { HostilePeer } from './hostile-peer.js';
import { mutate } from './mutations.js';

export interface FuzzTarget {
  readonly port: number;
  /** Of the node's process: its memory is read from /proc. */
  readonly pid: number;
}

export interface FuzzOptions {
  readonly seed: number;
  /** Called before each round with the number of rounds done; false ends the run. */
  readonly goOn: (rounds: number) => boolean;
  /** `calls`: frames of admitted peers are of RPC and publish/subscribe, and no datagrams are made up; anything where absent. */
  readonly kind?: 'anything' | 'calls';
  /** Rounds until memory counts as warm. */
  readonly warmUpRounds: number;
  /** Hears now and then how it goes. */
  readonly onProgress?: (report: FuzzReport) => void;
}

export interface FuzzReport {
  readonly seed: number;
  rounds: number;
  datagrams: number;
  frames: number;
  /** Hostile peers that were admitted. */
  admitted: number;
  /** Mutated CONNECTs of peers that were not. */
  strangers: number;
  /** Round trips of the honest peer during the run: all were answered. */
  pings: number;
  slowestPingMs: number;
  /** Resident memory of the node by round, bytes, from the end of the warm-up on. */
  readonly rssBytes: number[];
}

const sockets = 8;
const identities = 16;
const datagramsPerRound = 120;
const framesPerPeer = 40;
/** A broken frame ends the connection: most are whole, so that many get past the parser. */
const wholeCallShare = 0.95;
/** An honest peer must be answered within this, however busy the machine is. */
const pingTimeoutMs = 5000;

/**
 * Attacks a running node with mutated datagrams and, as an admitted peer, with mutated frames; between rounds an honest
 * peer pings. Equal seeds send equal bytes as far as the captured packets, which are encrypted afresh each time, allow.
 * @throws Error when the node no longer serves the honest peer or a new one, or is gone
 */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const run = await FuzzRun.begin(target, options);
  try {
    return await run.toTheEnd();
  } finally {
    await run.stop();
  }
}

class FuzzRun {
  readonly #report: FuzzReport;

  private constructor(
    private readonly target: FuzzTarget,
    private readonly options: FuzzOptions,
    private readonly random: RandomSource,
    private readonly honest: HonestPeer,
    private readonly bait: HonestPeer,
    private readonly pool: readonly NodeIdentity[],
    private readonly sockets: readonly Socket[],
  ) {
    this.#report = { seed: options.seed, rounds: 0, datagrams: 0, frames: 0, admitted: 0, strangers: 0, pings: 0, slowestPingMs: 0, rssBytes: [] };
  }

  static async begin(target: FuzzTarget, options: FuzzOptions): Promise<FuzzRun> {
    const [honest, bait] = [await connectHonestPeer(target.port), await connectHonestPeer(target.port)];
    await bait.session.ping({ timeoutMs: pingTimeoutMs });
    const pool = await Promise.all(Array.from({ length: identities }, newIdentity));
    const opened = Array.from({ length: sockets }, () => createSocket('udp4'));
    for (const socket of opened) await once(socket.bind(0, '127.0.0.1'), 'listening');
    return new FuzzRun(target, options, seededRandom(options.seed), honest, bait, pool, opened);
  }

  async toTheEnd(): Promise<FuzzReport> {
    const report = this.#report;
    while (this.options.goOn(report.rounds)) {
      if (!this.#onlyCalls) await this.#datagramRound();
      await this.#frameRound();
      await this.#ping();
      report.rounds += 1;
      if (report.rounds > this.options.warmUpRounds) report.rssBytes.push(await residentBytes(this.target.pid));
      if (report.rounds % 100 === 0) this.options.onProgress?.(report);
    }
    const newcomer = await connectHonestPeer(this.target.port);
    await newcomer.session.ping({ timeoutMs: pingTimeoutMs });
    await newcomer.stop();
    return report;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.close();
    await Promise.all([this.honest.stop(), this.bait.stop()]);
  }

  get #onlyCalls(): boolean {
    return this.options.kind === 'calls';
  }

  async #datagramRound(): Promise<void> {
    const { random } = this;
    const fuzzer = new DatagramFuzzer(random, this.bait.sent);
    for (let count = 0; count < datagramsPerRound; count += 1) {
      const datagram = fuzzer.next();
      this.sockets[random.integer(sockets)]!.send(datagram, this.target.port, '127.0.0.1');
    }
    this.#report.datagrams += datagramsPerRound;
  }

  async #frameRound(): Promise<void> {
    const { random } = this;
    const identity = this.pool[random.integer(identities)]!;
    const admitted = random.float() < 0.8;
    const peer = await HostilePeer.enter(this.target.port, identity, random, admitted);
    if (!peer) return;
    if (admitted) {
      this.#report.admitted += 1;
      await this.#misbehave(peer, identity);
    } else {
      this.#report.strangers += 1;
      peer.send(0, mutate(connectFrame(random), random, [connectFrame(random)]));
    }
    await peer.leave();
  }

  async #misbehave(peer: HostilePeer, identity: NodeIdentity): Promise<void> {
    const { random } = this;
    const calls = new CallFrames(random, identity);
    const fuzzer = new FrameFuzzer(random, this.#onlyCalls ? { whole: () => calls.next(), share: wholeCallShare } : undefined);
    const datagrams = new DatagramFuzzer(random, peer.sent);
    for (let count = 0; count < framesPerPeer && !peer.isOver; count += 1) {
      const isGentle = this.#onlyCalls && random.float() < wholeCallShare;
      peer.send(isGentle || random.float() < 0.5 ? 0 : 4 * random.integer(8), fuzzer.next(), isGentle);
      this.#report.frames += 1;
      if (!this.#onlyCalls && random.float() < 0.2) peer.sendRaw(datagrams.next());
      // A turn each, so that the node's answer to one is seen before the next.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #ping(): Promise<void> {
    const rttMs = await this.honest.session.ping({ timeoutMs: pingTimeoutMs });
    this.#report.pings += 1;
    if (rttMs > this.#report.slowestPingMs) this.#report.slowestPingMs = rttMs;
  }
}

/** Growth of memory from the first quarter of the run to its last, bytes. */
export function growthBytes({ rssBytes }: FuzzReport): number {
  return growthOf(rssBytes);
}

/** A `goOn` that ends after a time. */
export function forSeconds(seconds: number): (rounds: number) => boolean {
  const endMs = systemClock.nowMs() + seconds * 1000;
  return () => systemClock.nowMs() < endMs;
}

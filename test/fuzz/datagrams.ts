import type { RandomSource } from '../../src/lib/base/random.js';
import { encodeProbe } from '../../src/lib/transport/path-probe.js';
import { mutate } from './mutations.js';

/** Largest datagram sent: most packets are smaller, and the loopback carries it. */
const largestBytes = 4096;

/** RFC 8489: a binding request with a FINGERPRINT-sized attribute of nonsense. */
function stunLike(random: RandomSource): Buffer {
  const message = Buffer.alloc(28);
  message.writeUInt16BE([0x0001, 0x0101, 0x0111, 0x0003][random.integer(4)]!, 0);
  message.writeUInt16BE(8, 2);
  message.writeUInt32BE(0x2112a442, 4);
  message.set(random.bytes(20), 8);
  return message;
}

/** A first byte of any datagram kind, and rubbish behind it. */
function garbage(random: RandomSource): Buffer {
  const bytes = Buffer.from(random.bytes(random.integer(random.float() < 0.2 ? 1400 : 120)));
  if (bytes.length > 0) bytes[0] = [0, 1, 4, 5, 15, 16, 32, 63, 64, 0x45, 127, 128, 0xc0, 0xd0, 0xe0, 0xf0, 255][random.integer(17)]!;
  return bytes;
}

/** A long header whose lengths fit, of any version and type: goes further into the parser than rubbish does. */
function longHeader(random: RandomSource): Buffer {
  const ids = [random.bytes(random.integer(22)), random.bytes(random.integer(22))];
  const version = [1, 0, 0x6b3343cf, 0x0a0a0a0a, 0xff00001d][random.integer(5)]!;
  const head = Buffer.alloc(5);
  head[0] = 0xc0 | random.integer(64);
  head.writeUInt32BE(version, 1);
  const body = Buffer.alloc(random.float() < 0.5 ? 1200 : random.integer(300));
  body.set(random.bytes(Math.min(body.length, 48)));
  return Buffer.concat([head, ...ids.flatMap((id) => [Uint8Array.of(id.length), id]), body]);
}

function probe(random: RandomSource, idOf: Uint8Array): Buffer {
  const transaction = Buffer.from(random.bytes(8)).toString('hex');
  const type = random.float() < 0.5 ? 'request' : 'answer';
  return Buffer.from(encodeProbe({ type, connectionId: idOf, transaction, sequence: random.integer(1000), observedAddress: undefined }, random.bytes(32), 'client'));
}

/** Long headers by their type, 1-RTT, and everything else by its first byte. */
function kindOf(packet: Uint8Array): number {
  const first = packet[0]!;
  if (first >= 128) return first & 0xb0;
  return first >= 64 ? 64 : first;
}

/**
 * Hostile datagrams: mutations of real ones, rubbish of every kind, and well-formed ones that belong to nothing.
 * @param captured datagrams of a real connection, as they were sent to the node: Initial, Handshake, 1-RTT, path probes
 */
export class DatagramFuzzer {
  readonly #kinds: readonly (readonly Uint8Array[])[];

  constructor(
    private readonly random: RandomSource,
    private readonly captured: readonly Uint8Array[],
  ) {
    const kinds = new Map<number, Uint8Array[]>();
    for (const packet of captured) kinds.set(kindOf(packet), [...(kinds.get(kindOf(packet)) ?? []), packet]);
    this.#kinds = [...kinds.values()];
  }

  next(): Buffer {
    const { random, captured } = this;
    const draw = random.float();
    const bytes = draw < 0.55 ? mutate(this.#real(), random, captured) : this.#made(draw);
    return bytes.subarray(0, largestBytes);
  }

  /** A captured datagram; every kind as likely as any other, however many there are of it. */
  #real(): Uint8Array {
    const kind = this.#kinds[this.random.integer(this.#kinds.length)]!;
    return kind[this.random.integer(kind.length)]!;
  }

  #made(draw: number): Buffer {
    const { random, captured } = this;
    // Bytes 1 to 8 of a 1-RTT packet of the capture: the id of a connection that lives.
    const liveId = captured.find((packet) => packet[0]! < 128 && packet[0]! >= 64)?.subarray(1, 9) ?? random.bytes(8);
    if (draw < 0.65) return garbage(random);
    if (draw < 0.75) return longHeader(random);
    if (draw < 0.85) return Buffer.concat([Uint8Array.of(0x40 | random.integer(64)), liveId, random.bytes(12 + random.integer(100))]);
    if (draw < 0.92) return mutate(probe(random, liveId), random, captured);
    if (draw < 0.96) return mutate(stunLike(random), random, captured);
    return Buffer.from(this.#real());
  }
}

import type { RandomSource } from '../../src/lib/base/random.js';
import { encodeFrame, FrameFlag } from '../../src/lib/wire/frame.js';
import { FrameType } from '../../src/lib/wire/frame-type.js';
import { connectBody, protocolVersion } from '../../src/lib/wire/hello.js';
import { encodeBody } from '../../src/lib/wire/message-pack.js';
import { realmId } from '../../src/lib/session/realm-proof.js';
import { mutate } from './mutations.js';

const types = Object.values(FrameType);

/** CONNECT as an honest node of the open realm `macula` sends it. */
export function connectFrame(random: RandomSource): Uint8Array {
  const connect = {
    version: protocolVersion, realmId: realmId('macula'), nonce: random.bytes(32), pathSecret: random.bytes(32),
    agent: 'fuzzer', capabilities: ['relay'], listen: [], observed: { host: '127.0.0.1', port: 9 },
  };
  return encodeFrame(FrameType.connect, FrameFlag.request, [0, connectBody(connect)]);
}

/** Anything MessagePack can carry. */
export function anyValue(random: RandomSource, depth = 0): unknown {
  const kind = random.integer(depth > 3 ? 7 : 9);
  switch (kind) {
    case 0: return null;
    case 1: return random.float() < 0.5;
    case 2: return random.integer(2 ** 31) - 2 ** 30;
    case 3: return random.float() * 1e12;
    case 4: return String.fromCodePoint(...Array.from({ length: random.integer(12) }, () => 1 + random.integer(0xd7fe)));
    case 5: return random.bytes(random.integer(300));
    case 6: return Buffer.from(random.bytes(32)).toString('hex');
    case 7: return Array.from({ length: random.integer(6) }, () => anyValue(random, depth + 1));
    default: return Object.fromEntries(Array.from({ length: random.integer(6) }, (_, index) => [`${index}${'k'.repeat(random.integer(9))}`, anyValue(random, depth + 1)]));
  }
}

/** Payload of a DHT record, now and then with a field that is none. */
function recordPayload(random: RandomSource): Uint8Array {
  const fields: unknown[] = ['macula dht record 1', random.integer(5), realmId('macula'), random.bytes(32), random.integer(6), random.bytes(32), 1, 0, 60_000, random.bytes(44), random.bytes(9)];
  if (random.float() < 0.5) fields[random.integer(fields.length)] = anyValue(random);
  return encodeBody(fields);
}

/** Bodies that come near what handlers expect. */
function plausible(random: RandomSource): unknown {
  const id = random.integer(8);
  const bodies: unknown[] = [
    [id, null], [id, { max: 16, exclude: [] }], [0, 'reason'], [id], ['purpose', null], [id, ['MACULA_TIMED_OUT', 'text', {}]],
    [id, { peers: [{ nodeId: 'f'.repeat(64), addresses: ['127.0.0.1:9'] }] }], [id, [random.bytes(32), 16]], anyValue(random), [id, anyValue(random)],
    [id, [random.bytes(32)]], [id, [random.bytes(32), null]], [id, [random.bytes(32), [random.integer(70_000), random.integer(70)]]],
    [id, [[recordPayload(random), random.bytes(64)], random.float() < 0.5 ? null : random.integer(9)]], [id, [[], random.integer(3), [[random.bytes(32), random.integer(4), ['127.0.0.1:9']]]]],
  ];
  return bodies[random.integer(bodies.length)];
}

/** Frames as a hostile peer sends them: some well-formed, most broken somewhere between header and body. */
export class FrameFuzzer {
  readonly #seen: Uint8Array[];

  readonly #whole: () => Buffer;

  readonly #wholeShare: number;

  /** @param given makes the well-formed frames to begin with, of which `share` stay as they are; any type with any body where absent */
  constructor(private readonly random: RandomSource, given?: { whole: () => Buffer; share: number }) {
    this.#seen = [connectFrame(random)];
    this.#whole = given?.whole ?? (() => this.#anything());
    this.#wholeShare = given?.share ?? 0.25;
  }

  next(): Buffer {
    const { random } = this;
    const frame = this.#whole();
    if (this.#seen.length < 64) this.#seen.push(Buffer.from(frame));
    const draw = random.float();
    if (draw < this.#wholeShare) return frame;
    if (draw < this.#wholeShare + (1 - this.#wholeShare) / 3) return mutate(frame, random, this.#seen);
    // A header that stands and a body that does not: as deep as a stranger's bytes can come.
    const body = mutate(frame.subarray(8), random, this.#seen);
    const whole = Buffer.concat([frame.subarray(0, 8), body]);
    whole.writeUInt32BE(body.length, 4);
    return whole;
  }

  #anything(): Buffer {
    const { random } = this;
    const known = random.float() < 0.9;
    const type = known ? types[random.integer(types.length)]! : random.integer(256);
    return Buffer.from(encodeFrame(type, random.integer(3), plausible(random)));
  }
}

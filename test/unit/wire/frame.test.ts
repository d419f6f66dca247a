import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { encodeFrame, FrameFlag, frameHeaderBytes, FrameReader } from '../../../src/lib/wire/frame.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';

const limit = 64 * 1024;

type Seen = [type: number, flags: number, body: unknown];

/** Feeds chunks whose memory is destroyed right after each call, as the transport's is. */
function feed(reader: FrameReader, chunks: Iterable<Uint8Array>): Seen[] {
  const seen: Seen[] = [];
  for (const chunk of chunks) {
    const lent = Uint8Array.from(chunk);
    reader.push(lent, (type, flags, payload) => seen.push([type, flags, decodeBody(payload)]));
    lent.fill(0xee);
  }
  return seen;
}

function violation(run: () => void): MaculaError {
  try {
    run();
  } catch (error) {
    expect(error).to.be.instanceOf(MaculaError);
    expect((error as MaculaError).code).to.equal('MACULA_PROTOCOL_VIOLATION');
    return error as MaculaError;
  }
  throw new Error('no violation was reported');
}

describe('encodeFrame', () => {
  it('writes the eight header bytes and the MessagePack body', () => {
    const frame = encodeFrame(FrameType.ping, FrameFlag.request, [7, null]);
    expect(Buffer.from(frame).toString('hex')).to.equal('01030100000000039207c0');
  });

  it('writes lengths beyond one byte in big-endian order', () => {
    const frame = encodeFrame(FrameType.publish, FrameFlag.none, Buffer.alloc(0x012345));
    expect(Buffer.from(frame.subarray(4, 8)).readUInt32BE()).to.equal(frame.length - frameHeaderBytes);
    expect(frame.length).to.equal(frameHeaderBytes + 5 + 0x012345);
  });

  it('never reuses the memory of an earlier frame', () => {
    const frames = Array.from({ length: 3000 }, (_, index) => encodeFrame(FrameType.cast, FrameFlag.none, [index, 'x'.repeat(index % 50)]));
    frames.forEach((frame, index) => expect(decodeBody(frame.subarray(frameHeaderBytes))).to.deep.equal([index, 'x'.repeat(index % 50)]));
  });
});

describe('FrameReader', () => {
  const bodies = [[1, 'one'], null, { k: [true, -5] }, 'x'.repeat(300)];
  const stream = Buffer.concat(bodies.map((body, index) => encodeFrame(0x10 + index, index % 3, body)));
  const expected = bodies.map((body, index) => [0x10 + index, index % 3, body]);

  it('reads many frames from one chunk without copying', () => {
    let shared = 0;
    new FrameReader(limit).push(stream, (_type, _flags, payload) => { if (payload.buffer === stream.buffer) shared += 1; });
    expect(shared).to.equal(bodies.length);
  });

  it('gives the same frames for every split in two', () => {
    for (let at = 0; at <= stream.length; at += 1) {
      expect(feed(new FrameReader(limit), [stream.subarray(0, at), stream.subarray(at)])).to.deep.equal(expected);
    }
  });

  it('gives the same frames for every split of two frames in three', () => {
    const short = Buffer.concat([encodeFrame(1, 1, [1, 'ab']), encodeFrame(2, 2, [1, null])]);
    for (let a = 0; a <= short.length; a += 1) {
      for (let b = a; b <= short.length; b += 1) {
        const seen = feed(new FrameReader(limit), [short.subarray(0, a), short.subarray(a, b), short.subarray(b)]);
        expect(seen).to.deep.equal([[1, 1, [1, 'ab']], [2, 2, [1, null]]]);
      }
    }
  });

  it('gives the same frames byte by byte', () => {
    expect(feed(new FrameReader(limit), Array.from(stream, (byte) => Uint8Array.of(byte)))).to.deep.equal(expected);
  });

  it('gives back any frames in any chunks', () => {
    const frames = fc.array(fc.tuple(fc.nat(255), fc.nat(2), fc.oneof(fc.string(), fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)))), { maxLength: 12 });
    fc.assert(fc.property(frames, fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (list, steps) => {
      const bytes = Buffer.concat(list.map(([type, flags, body]) => encodeFrame(type, flags, body)));
      const chunks: Uint8Array[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const step = steps[turn % steps.length]!;
        chunks.push(bytes.subarray(at, at + step));
        at += step;
      }
      expect(feed(new FrameReader(limit), chunks)).to.deep.equal(list);
    }));
  });

  it('passes unknown types on', () => {
    expect(feed(new FrameReader(limit), [encodeFrame(0xfe, 0, 1)])).to.deep.equal([[0xfe, 0, 1]]);
  });

  it('accepts a payload of exactly the limit and refuses one byte more', () => {
    const payload = encodeBody(Buffer.alloc(100)).length;
    const frame = encodeFrame(1, 0, Buffer.alloc(100));
    expect(feed(new FrameReader(payload), [frame])).to.have.length(1);
    expect(violation(() => feed(new FrameReader(payload - 1), [frame])).details).to.include({ payloadBytes: payload, maxFrameBytes: payload - 1 });
  });

  const badHeaders: [what: string, header: number[], message: RegExp][] = [
    ['another version', [2, 1, 0, 0, 0, 0, 0, 1], /version 2/],
    ['flag bits nobody defined', [1, 1, 4, 0, 0, 0, 0, 1], /flags 4/],
    ['request and reply at once', [1, 1, 3, 0, 0, 0, 0, 1], /flags 3/],
    ['a reserved byte that is not zero', [1, 1, 0, 9, 0, 0, 0, 1], /reserved/],
    ['a length over the limit', [1, 1, 0, 0, 0, 1, 0, 1], /over the limit/],
    ['a length with the top bit set', [1, 1, 0, 0, 0xff, 0xff, 0xff, 0xff], /4294967295 bytes/],
  ];
  for (const [what, header, message] of badHeaders) {
    it(`refuses ${what}, whole or in pieces, and everything after it`, () => {
      for (const chunks of [[Uint8Array.from(header)], header.map((byte) => Uint8Array.of(byte))]) {
        const reader = new FrameReader(limit);
        expect(violation(() => feed(reader, chunks)).message).to.match(message);
        violation(() => feed(reader, [encodeFrame(1, 0, 1)]));
      }
    });
  }

  it('delivers the frames before a bad header', () => {
    const seen: number[] = [];
    const chunk = Buffer.concat([encodeFrame(5, 0, 1), Buffer.of(9, 9, 9, 9, 9, 9, 9, 9)]);
    violation(() => new FrameReader(limit).push(chunk, (type) => seen.push(type)));
    expect(seen).to.deep.equal([5]);
  });

  it('keeps no more memory than has arrived when a large frame is only announced', () => {
    const reader = new FrameReader(64 * 1024 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 50 }, () => new FrameReader(64 * 1024 * 1024));
    for (const each of [reader, ...readers]) each.push(Buffer.of(1, 1, 0, 0, 3, 0xff, 0xff, 0xff, 0), () => undefined);
    expect(reader.pendingBytes).to.equal(9);
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(1024 * 1024);
  });

  it('stops after the frame that says so and tells how much of the chunk it used', () => {
    const opening = encodeFrame(FrameType.streamOpen, 0, ['file', null]);
    const chunk = Buffer.concat([opening, Buffer.from('raw bytes')]);
    for (let at = 0; at < opening.length; at += 1) {
      const reader = new FrameReader(limit);
      const types: number[] = [];
      const onFrame = (type: number): void => { types.push(type); reader.stop(); };
      reader.push(chunk.subarray(0, at), onFrame);
      const used = reader.push(chunk.subarray(at), onFrame);
      expect(chunk.subarray(at + used).toString()).to.equal('raw bytes');
      expect(types).to.deep.equal([FrameType.streamOpen]);
    }
  });

  it('answers mutated frames with frames or violations only (seed 20)', () => {
    const random = seededRandom(20);
    for (let round = 0; round < 3000; round += 1) {
      const reader = new FrameReader(4096);
      const bytes = Buffer.from(stream);
      for (let count = random.integer(4); count >= 0; count -= 1) bytes[random.integer(bytes.length)] = random.integer(256);
      try {
        for (let at = 0; at < bytes.length;) {
          const step = 1 + random.integer(200);
          reader.push(bytes.subarray(at, at + step), (_type, _flags, payload) => decodeBody(payload));
          at += step;
          expect(reader.pendingBytes).to.be.at.most(4096 + frameHeaderBytes);
        }
      } catch (error) {
        expect(error).to.be.instanceOf(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION');
      }
    }
  });
});

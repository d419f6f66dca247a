import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { errorBody } from '../../../src/lib/wire/error-message.js';
import { encodeFrame, FrameFlag, frameHeaderBytes } from '../../../src/lib/wire/frame.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';
import { callIdBytes, maxRemainingMs, resultBody } from '../../../src/lib/wire/rpc-messages.js';
import { CallStreamReader, callStreamHeader, readCallStreamHeader, type CallStreamOpen, type StreamSide } from '../../../src/lib/wire/rpc-stream.js';

const limit = 4096;
const frame = (type: FrameType, body: unknown): Uint8Array => encodeFrame(type, FrameFlag.none, body);
const provider: StreamSide = { from: 'provider', mode: 'values', maxValueBytes: limit };
const answering: StreamSide = { from: 'provider', mode: 'answer', maxAnswerBytes: limit };
const caller = (args: unknown, mode: 'answer' | 'values' = 'values'): StreamSide => ({ from: 'caller', mode, argumentBytes: encodeBody(args).length, maxValueBytes: limit });

const value = fc.oneof(fc.string({ maxLength: 30 }), fc.integer(), fc.constant(null), fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)), fc.array(fc.integer(), { maxLength: 5 }));

/** Feeds a stream in chunks whose memory is destroyed after each call, as the transport's is. */
function read(side: StreamSide, stream: Uint8Array, cuts: readonly number[]): { seen: [number, unknown][]; reader: CallStreamReader } {
  const reader = new CallStreamReader(side);
  const seen: [number, unknown][] = [];
  const ends = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
  for (const [index, end] of [...ends, stream.length].entries()) {
    const chunk = Uint8Array.from(stream.subarray(index === 0 ? 0 : ends[index - 1], end));
    reader.push(chunk, (type, payload) => seen.push([type, decodeBody(payload)]));
    chunk.fill(0xee);
    expect(reader.pendingBytes).to.be.at.most(stream.length);
  }
  return { seen, reader };
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return MaculaError.from(error).code;
  }
}

describe('the stream of a call', () => {
  it('has a header that carries every field there and back', () => {
    const open = fc.record({
      mode: fc.constantFrom<'answer' | 'values'>('answer', 'values'),
      procedure: fc.string({ minLength: 1, maxLength: 60 }),
      remainingMs: fc.integer({ min: 1, max: maxRemainingMs }),
      callId: fc.option(fc.uint8Array({ minLength: callIdBytes, maxLength: callIdBytes }).map((bytes) => Buffer.from(bytes)), { nil: undefined }),
      argumentBytes: fc.integer({ min: 1, max: 0xffff_ffff }),
    });
    fc.assert(fc.property(open, (header) => void expect(readCallStreamHeader(decodeBody(encodeBody(callStreamHeader(header))))).to.deep.equal(header)));
    const endless: CallStreamOpen = { mode: 'values', procedure: 'a', remainingMs: undefined, callId: undefined, argumentBytes: 1 };
    expect(readCallStreamHeader(callStreamHeader(endless))).to.deep.equal(endless);
  });

  for (const [what, header] of Object.entries({
    'too short': [1, 'a', null, null], 'of an unknown mode': [2, 'a', 5, null, 1], 'of no procedure': [1, '', 5, null, 1], 'without arguments': [1, 'a', 5, null, 0],
    'with a call id too short': [1, 'a', 5, Buffer.alloc(3), 1], 'for one answer without a deadline': [0, 'a', null, null, 1], 'that is no array': null,
  })) {
    it(`refuses a header ${what}`, () => expect(codeOf(() => readCallStreamHeader(header))).to.equal('MACULA_PROTOCOL_VIOLATION'));
  }

  it('brings what was sent whole and in order, however it is cut (property)', () => {
    const stream = fc.record({ args: value, values: fc.array(value, { maxLength: 8 }), cuts: fc.array(fc.nat(), { maxLength: 20 }) });
    fc.assert(fc.property(stream, ({ args, values, cuts }) => {
      const asked = read(caller(args), Buffer.concat([frame(FrameType.streamArguments, args), ...values.map((each) => frame(FrameType.streamValue, each))]), cuts);
      expect(asked.seen).to.deep.equal([[FrameType.streamArguments, args], ...values.map((each) => [FrameType.streamValue, each])]);
      asked.reader.end();
      const end = resultBody(null);
      const told = read(provider, Buffer.concat([frame(FrameType.streamAccepted, null), ...values.map((each) => frame(FrameType.streamValue, each)), frame(FrameType.streamEnd, end)]), cuts);
      expect(told.seen).to.deep.equal([[FrameType.streamAccepted, null], ...values.map((each) => [FrameType.streamValue, each]), [FrameType.streamEnd, end]]);
      told.reader.end();
    }));
  });

  const accepted = frame(FrameType.streamAccepted, null);
  const one = frame(FrameType.streamValue, 1);
  const end = frame(FrameType.streamEnd, resultBody(null));
  const refused = frame(FrameType.error, errorBody(new MaculaError('MACULA_OVERLOADED', 'no')));
  const reply = frame(FrameType.reply, resultBody(1));
  const args = frame(FrameType.streamArguments, 7);
  const outOfPlace: Record<string, [StreamSide, Uint8Array[]]> = {
    'a value before it is accepted': [provider, [one]],
    'an end before it is accepted': [provider, [end]],
    'acceptance twice': [provider, [accepted, accepted]],
    'a value after the end': [provider, [accepted, end, one]],
    'anything after a refusal': [provider, [refused, accepted]],
    'arguments from the provider': [provider, [args]],
    'a reply where values are due': [provider, [accepted, reply]],
    'a value larger than it may be': [provider, [accepted, frame(FrameType.streamValue, Buffer.alloc(limit + 1))]],
    'a value where one answer is due': [answering, [one]],
    'two answers': [answering, [reply, reply]],
    'a value before the arguments': [caller(7), [one]],
    'arguments twice': [caller(7), [args, args]],
    'arguments of another size': [caller('longer'), [args]],
    'a value with arguments for one answer': [caller(7, 'answer'), [args, one]],
    'a value larger than it may be behind large arguments': [caller(Buffer.alloc(2 * limit)), [frame(FrameType.streamArguments, Buffer.alloc(2 * limit)), frame(FrameType.streamValue, Buffer.alloc(limit + 1))]],
    'a frame with flags': [provider, [encodeFrame(FrameType.streamAccepted, FrameFlag.reply, null)]],
  };
  for (const [what, [side, frames]] of Object.entries(outOfPlace)) {
    it(`refuses ${what}`, () => expect(codeOf(() => read(side, Buffer.concat(frames), []))).to.equal('MACULA_PROTOCOL_VIOLATION'));
  }

  it('refuses an end of the stream before all was said', () => {
    for (const [side, frames] of [[provider, [accepted, one]], [answering, []], [caller(7), []], [caller(7), [args, one.subarray(0, 5)]]] as [StreamSide, Uint8Array[]][]) {
      expect(codeOf(() => read(side, Buffer.concat(frames), []).reader.end())).to.equal('MACULA_PROTOCOL_VIOLATION');
    }
    for (const [side, frames] of [[provider, [refused]], [provider, [accepted, end]], [provider, [accepted, refused]], [answering, [reply]], [answering, [refused]], [caller(7), [args, one]], [caller(7, 'answer'), [args]]] as [StreamSide, Uint8Array[]][]) {
      expect(codeOf(() => read(side, Buffer.concat(frames), []).reader.end())).to.equal(undefined);
    }
  });

  it('says of an answer that it is too large before any of it is kept', () => {
    const reader = new CallStreamReader(answering);
    const large = frame(FrameType.reply, resultBody(Buffer.alloc(limit)));
    expect(codeOf(() => reader.push(large.subarray(0, frameHeaderBytes), () => undefined))).to.equal('MACULA_VALUE_TOO_LARGE');
    expect(reader.pendingBytes).to.be.at.most(frameHeaderBytes);
  });

  it('throws nothing but what is in the catalogue for such bytes, and keeps no more than a frame (fuzz)', () => {
    const whole = Buffer.concat([accepted, one, frame(FrameType.streamValue, 'x'.repeat(300)), end]);
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 });
    const noise = fc.uint8Array({ maxLength: 400 });
    fc.assert(fc.property(damage, noise, fc.array(fc.nat(), { maxLength: 6 }), (hits, rest, cuts) => {
      const bytes = Buffer.from(whole);
      for (const [at, byte] of hits) bytes[at] = byte;
      for (const side of [provider, answering, caller(7)]) {
        const reader = new CallStreamReader(side);
        const code = codeOf(() => {
          for (const cut of [...cuts, bytes.length]) reader.push(Uint8Array.from(bytes.subarray(0, cut)), () => undefined);
          reader.push(Uint8Array.from(rest), () => undefined);
          reader.end();
        });
        expect(code).to.be.oneOf([undefined, 'MACULA_PROTOCOL_VIOLATION', 'MACULA_VALUE_TOO_LARGE']);
        expect(reader.pendingBytes).to.be.at.most(frameHeaderBytes + limit);
      }
    }), { numRuns: 500 });
  });
});

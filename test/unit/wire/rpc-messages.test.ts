import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';
import {
  callBody, callIdBytes, failureBody, heldBody, heldTokenBytes, maxFailureDetailsBytes, maxFailureMessageBytes, maxProcedureBytes, maxRemainingMs, readCall, readReply, resultBody,
} from '../../../src/lib/wire/rpc-messages.js';
import { fetchHeader, readFetchHeader } from '../../../src/lib/wire/rpc-stream.js';

const travel = (body: unknown): unknown => decodeBody(encodeBody(body));
const callId = Buffer.alloc(callIdBytes, 7);

const key = fc.string({ maxLength: 8 }).filter((text) => text !== '__proto__');
const scalar = fc.oneof(fc.string({ maxLength: 20 }), fc.integer(), fc.boolean(), fc.constant(null), fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)));
const map = fc.array(fc.tuple(key, scalar), { maxLength: 5 }).map((entries) => Object.fromEntries(entries));
const value = fc.oneof(scalar, map, fc.array(fc.oneof(scalar, map), { maxLength: 5 }));
const status = fc.integer({ min: 1, max: 16 });

describe('messages of remote procedure calls', () => {
  it('CALL carries every field there and back', () => {
    const call = fc.record({
      procedure: fc.string({ minLength: 1, maxLength: 80 }),
      args: value,
      remainingMs: fc.integer({ min: 1, max: maxRemainingMs }),
      callId: fc.option(fc.uint8Array({ minLength: callIdBytes, maxLength: callIdBytes }).map((bytes) => Buffer.from(bytes)), { nil: undefined }),
    });
    fc.assert(fc.property(call, (message) => {
      expect(readCall(travel(callBody(message.procedure, message.args, message.remainingMs, message.callId)))).to.deep.equal(message);
    }));
  });

  it('CALL carries a time that its reader accepts, whatever is left', () => {
    fc.assert(fc.property(fc.double({ noNaN: true }), (remainingMs) => {
      expect(readCall(travel(callBody('a', null, remainingMs, undefined))).remainingMs).to.be.within(1, maxRemainingMs);
    }));
  });

  it('REPLY carries results and failures there and back', () => {
    fc.assert(fc.property(value, (result) => void expect(readReply(travel(resultBody(result)))).to.deep.equal({ ok: true, result })));
    fc.assert(fc.property(status, fc.string({ maxLength: 80 }), map, (code, message, details) => {
      expect(readReply(travel(failureBody(code, message, details)))).to.deep.equal({ ok: false, status: code, message, details });
    }));
  });

  it('REPLY says where an answer is that is too large for it', () => {
    const token = Buffer.alloc(heldTokenBytes, 7);
    expect(readReply(travel(heldBody(token, 5_000_000)))).to.deep.equal({ ok: 'held', token, bytes: 5_000_000 });
    expect(readFetchHeader(travel(fetchHeader(token)))).to.deep.equal(token);
  });

  it('REPLY cuts a message to size, and leaves out details that are too large or cannot travel', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    for (const details of [circular, { much: 'a'.repeat(maxFailureDetailsBytes) }]) {
      const message = 'a'.repeat(maxFailureMessageBytes);
      expect(readReply(travel(failureBody(2, `${message}b`, details)))).to.deep.equal({ ok: false, status: 2, message, details: {} });
    }
  });

  const malformed: Record<string, () => unknown> = {
    'a call with an element too few': () => readCall(['a', null, 1]),
    'a call of no procedure': () => readCall(['', null, 1, null]),
    'a call of a name too long': () => readCall(['a'.repeat(maxProcedureBytes + 1), null, 1, null]),
    'a call without time': () => readCall(['a', null, 0, null]),
    'a call with more than a day': () => readCall(['a', null, maxRemainingMs + 1, null]),
    'a call with a short id': () => readCall(['a', null, 1, callId.subarray(1)]),
    'a reply that is elsewhere, of no size': () => readReply([null, [Buffer.alloc(heldTokenBytes), 0]]),
    'a reply that is elsewhere, with a short token': () => readReply([null, [Buffer.alloc(3), 1]]),
    'a fetch with a short token': () => readFetchHeader([Buffer.alloc(3)]),
    'a reply with a status nobody knows': () => readReply([17, ['', {}]]),
    'a failure without details': () => readReply([2, ['']]),
    'a failure with details that are no map': () => readReply([2, ['', []]]),
    'a failure with a message too long': () => readReply([2, ['a'.repeat(maxFailureMessageBytes + 1), {}]]),
  };
  for (const [what, read] of Object.entries(malformed)) {
    it(`refuse ${what}`, () => void expect(read).to.throw(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION'));
  }

  it('are either read or refused as malformed, whatever comes', () => {
    const anything = fc.anything({ maxDepth: 3, withTypedArray: true });
    const tuples = fc.constantFrom(2, 4).chain((length) => fc.array(anything, { minLength: length, maxLength: length }));
    const failures = fc.tuple(status, fc.tuple(anything, anything));
    fc.assert(fc.property(fc.oneof(anything, tuples, failures), fc.constantFrom(readCall, readReply), (body, read) => {
      try {
        read(body);
      } catch (error) {
        expect(error).to.be.instanceOf(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION');
      }
    }));
  });
});

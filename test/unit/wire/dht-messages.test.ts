import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { seededRandom, type RandomSource } from '../../../src/lib/base/random.js';
import {
  dhtReplyBody, dhtReplyTypes, dhtRequestBody, dhtRequestTypes, maxReplyRecordBytes, readDhtReply, readDhtRequest, recordsThatFit,
  type DhtReplyMessage, type DhtRequestMessage, type DhtRequestType, type WireContact,
} from '../../../src/lib/wire/dht-messages.js';
import { encodeFrame, frameHeaderBytes } from '../../../src/lib/wire/frame.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';
import type { SignedRecord } from '../../../src/lib/wire/signed-record.js';

const travel = (body: unknown): unknown => decodeBody(encodeBody(body));
const violation = (run: () => unknown, what?: string): void => {
  expect(run, what).to.throw(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION');
};

const key = Buffer.alloc(32, 1);
const record: SignedRecord = { payload: Buffer.from('payload'), signature: Buffer.alloc(64, 2) };
const largest: SignedRecord = { payload: Buffer.alloc(65 * 1024), signature: Buffer.alloc(512) };
const contactOf = (byte: number, count: number): WireContact => ({
  nodeId: Buffer.alloc(32, byte).toString('hex'),
  id: Buffer.alloc(32, byte),
  addresses: Array.from({ length: count }, (_, index) => ({ host: '2001:db8::ffff:ffff', port: index + 1 })),
  reachability: 'public',
  relays: Array.from({ length: 3 }, (_, index) => ({ nodeId: Buffer.alloc(32, index).toString('hex'), addresses: [{ host: '2001:db8::ffff:ffff', port: 1 }] })),
});
const contacts = Array.from({ length: 20 }, (_, index) => contactOf(index, 8));

const requests: readonly DhtRequestMessage[] = [
  { type: 'find-node', target: key },
  { type: 'find-value', key },
  { type: 'find-providers', key, offset: 0xffff, limit: 64 },
  { type: 'store', record, expectedSequence: undefined },
  { type: 'store', record: largest, expectedSequence: 0 },
  { type: 'store', record, expectedSequence: Number.MAX_SAFE_INTEGER },
];
const replies: readonly (readonly [DhtRequestMessage['type'], DhtReplyMessage])[] = [
  ['find-node', { type: 'contacts', contacts }],
  ['find-node', { type: 'contacts', contacts: [] }],
  ['find-value', { type: 'records', records: [largest], total: 1, contacts }],
  ['find-value', { type: 'records', records: [], total: 0, contacts: [{ ...contactOf(1, 0), reachability: 'relayed' }, { ...contactOf(2, 1), reachability: 'unknown' }] }],
  ['find-providers', { type: 'records', records: Array.from({ length: 64 }, () => record), total: 1000, contacts: [] }],
  ['store', { type: 'stored' }],
  ['store', { type: 'newer', record: largest }],
  ['store', { type: 'refused', reason: 'publisher-quota' }],
];
const requestOf = (type: DhtRequestMessage['type']): DhtRequestMessage => requests.find((request) => request.type === type)!;
const readRequest = (frameType: number, body: unknown): DhtRequestMessage => readDhtRequest(frameType as DhtRequestType, body);

describe('DHT requests', () => {
  for (const request of requests) {
    it(`carry ${request.type} there and back`, () => {
      const { frameType, body } = dhtRequestBody(request);
      expect(dhtRequestTypes).to.include(frameType);
      expect(readRequest(frameType, travel(body))).to.deep.equal(request);
    });
  }

  it('carry any sequence, offset and key', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat({ max: 0xffff }), fc.integer({ min: 1, max: 64 }), fc.maxSafeNat(), (id, offset, limit, sequence) => {
      const bytes = Buffer.from(id);
      for (const request of [{ type: 'find-providers', key: bytes, offset, limit }, { type: 'store', record, expectedSequence: sequence }] as const) {
        const { frameType, body } = dhtRequestBody(request);
        expect(readRequest(frameType, travel(body))).to.deep.equal(request);
      }
    }));
  });

  const bad: readonly (readonly [what: string, frameType: number, bodies: readonly unknown[]])[] = [
    ['FIND_NODE', FrameType.findNode, [null, {}, [], [key, 1], [Buffer.alloc(31)], [Buffer.alloc(33)], ['x'.repeat(32)], [null]]],
    ['FIND_VALUE', FrameType.findValue, [null, [key], [key, null, 1], [Buffer.alloc(31), null], [key, []], [key, [0]], [key, [-1, 1]], [key, [0, 0]], [key, [0, 65]], [key, [0x10000, 1]], [key, [0.5, 1]], [key, 'x']]],
    ['STORE', FrameType.store, [null, [], [[record.payload, record.signature]], [record.payload, null], [[record.payload], null], [[Buffer.alloc(0), record.signature], null],
      [[Buffer.alloc(65 * 1024 + 1), record.signature], null], [[record.payload, Buffer.alloc(0)], null], [[record.payload, Buffer.alloc(513)], null], [['text', record.signature], null],
      [[record.payload, record.signature], -1], [[record.payload, record.signature], 1.5], [[record.payload, record.signature], 2 ** 53], [[record.payload, record.signature], '1']]],
  ];
  for (const [what, frameType, bodies] of bad) {
    it(`refuse a malformed ${what}`, () => {
      for (const body of bodies) violation(() => readRequest(frameType, travel(body)), JSON.stringify(body));
    });
  }
});

describe('DHT replies', () => {
  for (const [type, reply] of replies) {
    it(`carry ${reply.type} to ${type} there and back`, () => {
      const { frameType, body } = dhtReplyBody(reply);
      expect(frameType).to.equal(dhtReplyTypes[type]);
      expect(readDhtReply(requestOf(type), travel(body))).to.deep.equal(reply);
    });
  }

  it('leave out what is over the limits, and cut a reason that is too long', () => {
    const many = { type: 'contacts', contacts: Array.from({ length: 25 }, (_, index) => contactOf(index, 12)) } as const;
    expect(readDhtReply(requestOf('find-node'), travel(dhtReplyBody(many).body))).to.deep.equal({ type: 'contacts', contacts });
    const refused = { type: 'refused', reason: 'x'.repeat(80) } as const;
    expect(readDhtReply(requestOf('store'), travel(dhtReplyBody(refused).body))).to.deep.equal({ type: 'refused', reason: 'x'.repeat(64) });
  });

  it('hold as many records as fit, and always one', () => {
    expect(recordsThatFit([])).to.deep.equal([]);
    expect(recordsThatFit([largest, largest, largest])).to.deep.equal([largest]);
    expect(recordsThatFit(Array.from({ length: 100 }, () => record))).to.have.length(64);
    expect(recordsThatFit([record, record, record], 2)).to.have.length(2);
  });

  it('fit a quarter of the largest frame, however much is asked for', () => {
    const full = { type: 'records', records: Array.from({ length: 100 }, () => ({ payload: Buffer.alloc(1500), signature: Buffer.alloc(512) })), total: 1000, contacts } as const;
    const { frameType, body } = dhtReplyBody(full);
    expect(encodeFrame(frameType, 2, [1, body]).length).to.be.below(1 << 18).and.above(maxReplyRecordBytes - 2012);
    expect(encodeFrame(FrameType.findValueReply, 2, [1, dhtReplyBody({ type: 'records', records: [largest], total: 1, contacts }).body]).length - frameHeaderBytes).to.be.below(1 << 17);
  });

  const oneContact = [key, 1, ['192.0.2.1:4433']];
  const bad: readonly (readonly [type: DhtRequestMessage['type'], bodies: readonly unknown[]])[] = [
    ['find-node', [null, [], [null], [[oneContact], 1], [[[key, 1]]], [[[key, 3, []]]], [[[key, -1, []]]], [[[Buffer.alloc(31), 1, []]]], [[[key, 1, ['example.org:1']]]], [[[key, 1, ['192.0.2.1:0']]]],
      [[[key, 1, Array.from({ length: 9 }, () => '192.0.2.1:1')]]], [Array.from({ length: 21 }, () => oneContact)]]],
    ['find-value', [null, [[], 0], [[], -1, []], [[], 2 ** 32, []], [[[record.payload, record.signature]], 0, []], [[[record.payload, record.signature], [record.payload, record.signature]], 2, []], [[[record.payload]], 1, []]]],
    ['find-providers', [[Array.from({ length: 65 }, () => [record.payload, record.signature]), 65, []]]],
    ['store', [null, [], [0], [3, null, null], ['0', null, null], [1, null, null], [1, [record.payload], null], [2, null, null], [2, null, ''], [2, null, 'x'.repeat(65)], [2, null, 'Not Words'], [2, null, '\u001b[2J']]],
  ];
  for (const [type, bodies] of bad) {
    it(`refuse a malformed answer to ${type}`, () => {
      for (const body of bodies) violation(() => readDhtReply(requestOf(type), travel(body)), JSON.stringify(body));
    });
  }

  it('never hold more than was asked for', () => {
    const reply = dhtReplyBody({ type: 'records', records: [record, record, record], total: 3, contacts: [] });
    violation(() => readDhtReply({ type: 'find-providers', key, offset: 0, limit: 2 }, travel(reply.body)));
  });
});

describe('DHT messages under fuzzing', () => {
  /** Any value a peer could send, built from pieces that are nearly right. */
  function anything(random: RandomSource, depth: number): unknown {
    const pieces: readonly (() => unknown)[] = [
      () => null, () => random.integer(70) - 2, () => random.float() * 2 ** 60, () => random.bytes(random.integer(2) * 32), () => '192.0.2.1:1', () => 'reason', () => true,
      () => [record.payload, record.signature], () => [key, random.integer(4), []], () => ({ a: 1 }),
    ];
    if (depth === 0 || random.integer(3) === 0) return pieces[random.integer(pieces.length)]!();
    return Array.from({ length: random.integer(5) }, () => anything(random, depth - 1));
  }

  it('give a message or a violation, nothing else', () => {
    const random = seededRandom(20_260_601);
    let good = 0;
    for (let round = 0; round < 20_000; round++) {
      const body = travel(anything(random, 3));
      const readers = [...dhtRequestTypes.map((type) => () => readDhtRequest(type, body)), ...requests.map((request) => () => readDhtReply(request, body))];
      try {
        readers[round % readers.length]!();
        good += 1;
      } catch (error) {
        expect(error).to.be.instanceOf(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION');
      }
    }
    expect(good, 'some of it is good, or the fuzzing reaches nothing').to.be.above(10);
  });

  it('with bytes changed give a message within the limits or a violation', () => {
    const random = seededRandom(7);
    const bodies = replies.map(([type, reply]) => [requestOf(type), Buffer.from(encodeBody(dhtReplyBody(reply).body))] as const).filter(([, bytes]) => bytes.length < 20_000);
    for (let round = 0; round < 5000; round++) {
      const [request, bytes] = bodies[random.integer(bodies.length)]!;
      const changed = Buffer.from(bytes);
      for (let count = random.integer(4); count >= 0; count--) changed[random.integer(Math.min(changed.length, 200))] = random.integer(256);
      try {
        const reply = readDhtReply(request, decodeBody(changed));
        if (reply.type === 'contacts') expect(reply.contacts.length).to.be.at.most(20);
        if (reply.type === 'records') expect(reply.records.length).to.be.at.most(64);
      } catch (error) {
        expect(error).to.be.instanceOf(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION');
      }
    }
  });
});

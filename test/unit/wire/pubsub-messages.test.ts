import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';
import {
  announceBody, doneBody, interestBody, publishAckBody, publishBody, readAnnounce, readDone, readInterest, readPublish, readPublishAck, readReplay, readReplayReply, readRoute, readRouted,
  readSubscribe, readUnsubscribe, replayBody, replayReplyBody, routeBody, routedBody, subscribeBody, unsubscribeBody,
} from '../../../src/lib/wire/pubsub-messages.js';

const travel = (body: unknown): unknown => decodeBody(encodeBody(body));
const violation = (run: () => unknown): void => {
  expect(run).to.throw(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION');
};

const binary = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> => fc.uint8Array({ minLength, maxLength }).map((bytes) => Buffer.from(bytes));
const number = fc.maxSafeNat();
const topic = fc.string({ minLength: 1, maxLength: 40 });
const bundles = fc.array(fc.record({ payload: binary(1, 50), signature: binary(1, 64) }), { maxLength: 4 });
const pattern = fc.record({ pattern: topic, qos: fc.constantFrom(0 as const, 1 as const) });
const address = fc.record({ host: fc.ipV4(), port: fc.integer({ min: 1, max: 65_535 }) });
const target = fc.record({ id: binary(32, 32), addresses: fc.array(address, { maxLength: 4 }) });
const index = fc.nat({ max: 255 });

const messages = {
  PUBLISH: [fc.record({ link: number, first: number, bundles }), publishBody, readPublish],
  PUBLISH_ACK: [fc.record({ next: number, unwanted: fc.array(topic, { maxLength: 16 }) }), publishAckBody, readPublishAck],
  SUBSCRIBE: [fc.array(pattern, { maxLength: 5 }), subscribeBody, readSubscribe],
  UNSUBSCRIBE: [fc.array(topic, { maxLength: 5 }), unsubscribeBody, readUnsubscribe],
  PUBSUB_DONE: [number, doneBody, readDone],
  PUBSUB_ANNOUNCE: [fc.record({ topic, born: number }), (message: { topic: string; born: number }) => announceBody(message.topic, message.born), readAnnounce],
  PUBSUB_INTEREST: [fc.array(pattern, { maxLength: 5 }), interestBody, readInterest],
  REPLAY: [fc.record({ epoch: number, from: fc.integer({ min: 1 }), to: fc.integer({ min: 1 }) }), replayBody, readReplay],
  REPLAY_REPLY: [fc.record({ oldest: fc.integer({ min: 1 }), bundles }), replayReplyBody, readReplayReply],
  PUBSUB_ROUTE: [fc.record({ link: number, first: number, targets: fc.option(fc.array(target, { maxLength: 5 }), { nil: undefined }), waitMs: fc.nat({ max: 600_000 }), bundles }), routeBody, readRoute],
  PUBSUB_ROUTED: [fc.record({ next: number, unwanted: fc.array(topic, { maxLength: 16 }), missed: fc.array(index, { maxLength: 8 }) }), routedBody, readRouted],
} as unknown as Readonly<Record<string, readonly [fc.Arbitrary<unknown>, (message: unknown) => unknown, (body: unknown) => unknown]>>;

describe('Messages of publish/subscribe', () => {
  for (const [name, [arbitrary, body, read]] of Object.entries(messages)) {
    it(`${name} carries every field there and back`, () => {
      fc.assert(fc.property(arbitrary, (message) => void expect(read(travel(body(message)))).to.deep.equal(message)), { numRuns: 50 });
    });

    it(`${name} is refused as a violation, or read, whatever comes`, () => {
      const anything = fc.anything({ maxDepth: 3, withTypedArray: true });
      const tuples = fc.integer({ min: 1, max: 6 }).chain((length) => fc.array(anything, { minLength: length, maxLength: length }));
      fc.assert(fc.property(fc.oneof(anything, tuples), (value) => {
        try {
          read(value);
        } catch (error) {
          expect(error).to.be.instanceOf(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION');
        }
      }), { numRuns: 200 });
    });
  }

  const one = { payload: Buffer.from('p'), signature: Buffer.from('s') };
  const id = Buffer.alloc(32);
  const beyond: readonly [name: string, read: (body: unknown) => unknown, body: unknown][] = [
    ['PUBLISH with too many bundles', readPublish, publishBody({ link: 0, first: 0, bundles: Array.from({ length: 1025 }, () => one) })],
    ['SUBSCRIBE with too many patterns', readSubscribe, subscribeBody(Array.from({ length: 257 }, () => ({ pattern: 'a', qos: 0 as const })))],
    ['SUBSCRIBE with QoS 2', readSubscribe, [[['a', 2]]]],
    ['PUBSUB_ROUTE with too many targets', readRoute, routeBody({ link: 0, first: 0, targets: Array.from({ length: 257 }, () => ({ id, addresses: [] })), waitMs: 0, bundles: [] })],
    ['PUBSUB_ROUTE with a short node id', readRoute, routeBody({ link: 0, first: 0, targets: [{ id: Buffer.alloc(31), addresses: [] }], waitMs: 0, bundles: [] })],
    ['PUBSUB_ROUTE with too many addresses', readRoute, [0, 0, [[id, Array.from({ length: 5 }, () => '192.0.2.1:1')]], 0, []]],
    ['PUBSUB_ROUTE with a name for an address', readRoute, [0, 0, [[id, ['example.net:1']]], 0, []]],
    ['PUBSUB_ROUTE that waits for an hour', readRoute, [0, 0, null, 3_600_000, []]],
    ['PUBSUB_ROUTED with a target that cannot be', readRouted, [0, [], [256]]],
  ];
  for (const [name, read, body] of beyond) it(`${name} is refused`, () => violation(() => read(travel(body))));
});

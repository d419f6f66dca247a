import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { maxBodyBytes } from '../../../src/lib/dht/record.js';
import { decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';
import { decodePeerRecord, encodePeerRecord, maxNamedRelays, maxRecordAddresses, maxRelayAddresses, type PeerRecord } from '../../../src/lib/wire/peer-record.js';
import {
  readRelayClose, readRelayIncoming, readRelayOpen, readRelayOpenReply, readRelayPeer, readRelayPeerReply, readRelayReserve, readRelayReserveReply, readRelayedBy, relayCloseBody, relayIncomingBody, relayOpenBody, relayOpenReplyBody, relayPeerBody, relayPeerReplyBody,
  relayReserveBody, relayReserveReplyBody, relayedByBody,
} from '../../../src/lib/wire/relay-messages.js';

const travel = (body: unknown): unknown => decodeBody(encodeBody(body));
const violation = (run: () => unknown, what?: string): void => {
  expect(run, what).to.throw(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION');
};
const nodeId = 'ab'.repeat(32);
const sessionId = 'e1e2e3e4e5e6e7e8';
const address = { host: '2001:db8::ffff:ffff:ffff:ffff', port: 65_535 };
const largest: PeerRecord = {
  addresses: Array.from({ length: maxRecordAddresses }, () => address),
  relays: Array.from({ length: maxNamedRelays }, () => ({ nodeId, addresses: Array.from({ length: maxRelayAddresses }, () => address) })),
};

describe('messages of relays', () => {
  it('carry every field there and back', () => {
    readRelayReserve(travel(relayReserveBody()));
    expect(readRelayReserveReply(travel(relayReserveReplyBody(600)))).to.equal(600);
    expect(readRelayOpen(travel(relayOpenBody(nodeId)))).to.equal(nodeId);
    expect(readRelayOpenReply(travel(relayOpenReplyBody(sessionId)))).to.equal(sessionId);
    expect(readRelayIncoming(travel(relayIncomingBody({ sessionId, nodeId })))).to.deep.equal({ sessionId, nodeId });
    expect(readRelayPeer(travel(relayPeerBody(sessionId)))).to.equal(sessionId);
    expect(readRelayPeerReply(travel(relayPeerReplyBody(address)))).to.deep.equal(address);
    expect(readRelayClose(travel(relayCloseBody({ sessionId, reason: 'made-room' })))).to.deep.equal({ sessionId, reason: 'made-room' });
    expect(readRelayedBy(travel(relayedByBody(largest.relays)))).to.deep.equal(largest.relays);
  });

  const malformed: Record<string, () => unknown> = {
    'a reservation with a body': () => readRelayReserve([]),
    'a reservation of no time': () => readRelayReserveReply([0]),
    'a reservation of more than a day': () => readRelayReserveReply([86_401]),
    'a short node id': () => readRelayOpen([Buffer.alloc(31)]),
    'a long session id': () => readRelayOpenReply([Buffer.alloc(9)]),
    'an element too many': () => readRelayIncoming([Buffer.alloc(8), Buffer.alloc(32), 0]),
    'a place that is none': () => readRelayPeerReply(['somewhere:1']),
    'a reason with control characters': () => readRelayClose([Buffer.alloc(8), 'idle\n']),
    'a reason too long': () => readRelayClose([Buffer.alloc(8), 'a'.repeat(33)]),
    'no reason': () => readRelayClose([Buffer.alloc(8), '']),
  };
  for (const [what, run] of Object.entries(malformed)) it(`refuse ${what}`, () => violation(run));

  it('are either read or refused as malformed, whatever comes', () => {
    const readers = [readRelayReserve, readRelayReserveReply, readRelayOpen, readRelayOpenReply, readRelayIncoming, readRelayPeer, readRelayPeerReply, readRelayClose, readRelayedBy];
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom(...readers), (body, read) => {
        try {
          read(body);
        } catch (error) {
          expect(error).to.be.instanceOf(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION');
        }
      }),
    );
  });
});

describe('body of a peer record', () => {
  it('carries addresses and relays there and back, and the largest fits a record', () => {
    for (const record of [{ addresses: [], relays: [] }, largest]) expect(decodePeerRecord(encodePeerRecord(record))).to.deep.equal(record);
    expect(encodePeerRecord(largest).length).to.be.at.most(maxBodyBytes.peer);
  });

  it('leaves out what is beyond its limits', () => {
    const relay = { nodeId, addresses: Array.from({ length: maxRelayAddresses + 1 }, () => address) };
    const more = { addresses: [...largest.addresses, address], relays: [relay, relay, relay, relay] };
    expect(decodePeerRecord(encodePeerRecord(more))).to.deep.equal(largest);
  });

  it('ignores what a later version adds, and refuses the rest', () => {
    expect(decodePeerRecord(encodeBody([2, [], [], { more: true }]))).to.deep.equal({ addresses: [], relays: [] });
    violation(() => decodePeerRecord(encodeBody([0, [], []])), 'version 0');
    violation(() => decodePeerRecord(encodeBody([1, []])), 'no relays');
    violation(() => decodePeerRecord(encodeBody([1, ['nowhere'], []])), 'no address');
    violation(() => decodePeerRecord(encodeBody([1, [], [[Buffer.alloc(31), []]]])), 'a short node id');
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodePeerRecord(bytes);
      } catch (error) {
        expect(error).to.be.instanceOf(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION');
      }
    }));
  });
});

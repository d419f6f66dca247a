import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import { HandshakeGate, type GateDecision } from '../../../src/lib/transport/handshake-gate.js';
import type { HandshakeSource } from '../../../src/lib/transport/handshake-limits-core.js';
import { parseLongHeader } from '../../../src/lib/transport/long-header.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const address = { host: '192.0.2.7', port: 4000 };

function packetOf(fields: { version?: number; typeBits?: number; destinationId?: Uint8Array; token?: Uint8Array; bytes?: number }): Buffer {
  const { version = 1, typeBits = 0, destinationId = Buffer.alloc(8, 3), token = Buffer.alloc(0), bytes = 1200 } = fields;
  const packet = Buffer.alloc(Math.max(bytes, 64));
  packet[0] = 0xc0 | (typeBits << 4);
  packet.writeUInt32BE(version, 1);
  packet[5] = destinationId.length;
  packet.set(destinationId, 6);
  let end = 6 + destinationId.length;
  packet[end] = 8;
  end += 9;
  packet.writeUInt16BE(0x4000 | token.length, end);
  packet.set(token, end + 2);
  return packet.subarray(0, bytes);
}

describe('the handshake gate', () => {
  let clock: VirtualClock;
  let gate: HandshakeGate;
  const out = Buffer.alloc(2000);

  function decide(packet: Buffer, from: HandshakeSource = address): GateDecision {
    return gate.decide(packet, parseLongHeader(packet)!, from, out);
  }

  beforeEach(() => {
    clock = new VirtualClock();
    gate = new HandshakeGate({ clock, random: seededRandom(5) }, { ...defaultSettings(), retrySampleRatio: 0 });
  });

  it('accepts an Initial under an id of its own', () => {
    const decision = decide(packetOf({}));
    expect(decision).to.deep.include({ kind: 'accept', originalId: undefined });
    if (decision.kind === 'accept') expect(decision.sourceId).to.have.length(8);
  });

  const dropped: [string, Parameters<typeof packetOf>[0], string][] = [
    ['a datagram shorter than 1200 bytes', { bytes: 1199 }, 'short-initial'],
    ['a short datagram of an unknown version', { version: 99, bytes: 1199 }, 'short-initial'],
    ['a version negotiation packet', { version: 0 }, 'version-negotiation'],
    ['a handshake packet of no connection', { typeBits: 2 }, 'unknown-connection'],
    ['early data', { typeBits: 1 }, 'unknown-connection'],
    ['a first id that is too short', { destinationId: Buffer.alloc(7) }, 'malformed'],
  ];
  for (const [what, fields, reason] of dropped) {
    it(`drops ${what}`, () => {
      expect(decide(packetOf(fields))).to.deep.equal({ kind: 'drop', reason });
    });
  }

  it('counts the header of a relayed datagram as part of it', () => {
    const through = { relay: 'a'.repeat(64), peer: 'b'.repeat(64) };
    expect(decide(packetOf({ bytes: 1191 }), through).kind).to.equal('accept');
    expect(decide(packetOf({ bytes: 1190 }), through)).to.deep.equal({ kind: 'drop', reason: 'short-initial' });
  });

  it('accepts an Initial with the token of its own retry, under the id the retry named', () => {
    gate = new HandshakeGate({ clock, random: seededRandom(6) }, { ...defaultSettings(), retrySampleRatio: 1 });
    const original = Buffer.alloc(12, 9);
    const first = decide(packetOf({ destinationId: original }));
    expect(first).to.include({ kind: 'answer', answer: 'retry' });
    const retry = out.subarray(0, first.kind === 'answer' ? first.length : 0);
    const header = parseLongHeader(Buffer.from(retry))!;
    const tokenStart = 7 + header.destinationId.length + header.sourceId.length;
    const token = Buffer.from(retry.subarray(tokenStart, retry.length - 16));
    const again = packetOf({ destinationId: Buffer.from(header.sourceId), token });
    const accepted = decide(again);
    expect(accepted.kind).to.equal('accept');
    if (accepted.kind !== 'accept') return;
    expect(Buffer.from(accepted.originalId!)).to.deep.equal(original);
    expect(accepted.sourceId).to.deep.equal(Buffer.from(header.sourceId));
    expect(decide(again, { ...address, port: 4001 })).to.include({ kind: 'answer', answer: 'retry' });
  });

  it('answers unknown versions, ids of any length included, at a bounded rate', () => {
    const packet = packetOf({ version: 0x1a2a3a4a, destinationId: Buffer.alloc(255, 1) });
    expect(decide(packet)).to.include({ kind: 'answer', answer: 'version' });
    const kinds = Array.from({ length: 200 }, () => decide(packet).kind);
    expect(kinds.filter((kind) => kind === 'answer')).to.have.length(99);
    clock.advance(1000);
    expect(decide(packet).kind).to.equal('answer');
  });
});

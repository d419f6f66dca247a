import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';
import { maxCandidates, punchBody, readPunch, type NatSummary, type PunchMessage, type WireCandidate } from '../../../src/lib/wire/punch.js';

const travel = (message: PunchMessage): PunchMessage => readPunch(message.type, decodeBody(encodeBody(punchBody(message))));

const nat: NatSummary = { natType: 'symmetric', mapping: 'address-dependent', filtering: 'address-and-port-dependent', ports: 'sequential', portDelta: -2 };
const candidates: WireCandidate[] = [
  { kind: 'mapped', address: { host: '198.51.100.7', port: 1 } },
  { kind: 'observed', address: { host: '2001:db8::1', port: 65_535 } },
  { kind: 'local', address: { host: '10.0.0.2', port: 4433 } },
  { kind: 'predicted', address: { host: '198.51.100.7', port: 30_000 } },
];

describe('punch messages', () => {
  const messages: PunchMessage[] = [
    { type: 'offer', attempt: 0, nat, candidates },
    { type: 'answer', attempt: 0xffff_ffff, nat: { ...nat, natType: 'none', mapping: 'endpoint-independent', ports: 'preserved', portDelta: 0 }, candidates: [], heldMs: 60_000 },
    { type: 'start', attempt: 7, candidates },
    ...(['busy', 'rate-limited', 'off'] as const).map((reason) => ({ type: 'end', attempt: 7, reason }) as const),
  ];
  for (const message of messages) {
    it(`carry every field there and back: ${message.type}${message.type === 'end' ? ` (${message.reason})` : ''}`, () => expect(travel(message)).to.deep.equal(message));
  }

  it('leave out candidates beyond the limit and round the time held', () => {
    const many = Array.from({ length: 40 }, (_, index): WireCandidate => ({ kind: 'observed', address: { host: '198.51.100.7', port: index + 1 } }));
    const read = travel({ type: 'answer', attempt: 1, nat, candidates: many, heldMs: 12.4 });
    expect(read).to.deep.include({ heldMs: 12 }).and.to.have.property('candidates').with.length(maxCandidates);
    expect(travel({ type: 'answer', attempt: 1, nat, candidates: [], heldMs: 1e9 })).to.deep.include({ heldMs: 60_000 });
  });

  it('read what later versions may add as not known', () => {
    expect(readPunch('offer', [1, [9, 9, 9, 9, 0], [[9, '192.0.2.1:1']]])).to.deep.equal({
      type: 'offer', attempt: 1, nat: { natType: 'unknown', mapping: 'unknown', filtering: 'unknown', ports: 'unknown', portDelta: 0 }, candidates: [{ kind: 'local', address: { host: '192.0.2.1', port: 1 } }],
    });
    expect(readPunch('end', [1, 9])).to.deep.include({ reason: 'busy' });
  });

  const summary = [0, 0, 0, 0, 0];
  const bad: [type: PunchMessage['type'], what: string, body: unknown][] = [
    ['offer', 'nothing', null],
    ['offer', 'too few fields', [1, summary]],
    ['offer', 'an attempt beyond 32 bits', [2 ** 32, summary, []]],
    ['offer', 'a NAT of four fields', [1, [0, 0, 0, 0], []]],
    ['offer', 'a delta too large', [1, [0, 0, 0, 0, 40_000], []]],
    ['offer', 'a negative type', [1, [-1, 0, 0, 0, 0], []]],
    ['offer', '33 candidates', [1, summary, Array.from({ length: 33 }, () => [0, '192.0.2.1:1'])]],
    ['offer', 'a name for an address', [1, summary, [[0, 'example.org:1']]]],
    ['offer', 'port 0', [1, summary, [[0, '192.0.2.1:0']]]],
    ['answer', 'no time held', [1, summary, []]],
    ['answer', 'a time held beyond a minute', [1, summary, [], 60_001]],
    ['start', 'a map', { attempt: 1 }],
    ['end', 'text for a reason', [1, 'busy']],
  ];
  for (const [type, what, body] of bad) {
    it(`are refused with ${what}: ${type}`, () => expect(() => readPunch(type, body)).to.throw(MaculaError).with.property('code', 'MACULA_PROTOCOL_VIOLATION'));
  }

  it('are read or refused, whatever the body, and never fail otherwise', () => {
    fc.assert(fc.property(fc.constantFrom('offer', 'answer', 'start', 'end'), fc.anything(), (type, body) => {
      try {
        readPunch(type, body);
      } catch (error) {
        expect(error).to.be.instanceOf(MaculaError);
      }
    }));
  });
});

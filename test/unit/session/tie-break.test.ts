import { expect } from 'chai';
import { decideDuplicate, type DuplicateVerdict } from '../../../src/lib/session/tie-break.js';

const small = 'a'.repeat(64);
const large = 'b'.repeat(64);
const windowMs = 10_000;

describe('tie-break', () => {
  const rows: { self: string; current: string; incoming: string; laterMs: number; givenUp?: boolean; verdict: DuplicateVerdict; why: string }[] = [
    { self: small, current: small, incoming: large, laterMs: 5, verdict: 'keep-if-alive', why: 'crossed dials, the smaller id dialled the one in use' },
    { self: small, current: large, incoming: small, laterMs: 5, verdict: 'replace', why: 'crossed dials, the smaller id dialled the new one' },
    { self: small, current: small, incoming: large, laterMs: 10_000, verdict: 'keep-if-alive', why: 'crossed dials at the edge of the window' },
    { self: small, current: small, incoming: large, laterMs: 10_001, verdict: 'replace', why: 'the peer dialled long after: it restarted or moved' },
    { self: small, current: small, incoming: small, laterMs: 5, verdict: 'replace', why: 'same direction, out: the newer stays' },
    { self: small, current: large, incoming: large, laterMs: 5, verdict: 'replace', why: 'same direction, in: the newer stays' },
    { self: small, current: small, incoming: large, laterMs: 5, givenUp: true, verdict: 'replace', why: 'the peer uses another one already' },
    { self: large, current: large, incoming: small, laterMs: 5, verdict: 'follow-if-alive', why: 'the larger id never decides between live ones' },
    { self: large, current: small, incoming: large, laterMs: 5, verdict: 'follow-if-alive', why: 'the larger id never decides between live ones' },
    { self: large, current: small, incoming: small, laterMs: 60_000, verdict: 'follow-if-alive', why: 'the smaller id dialled twice' },
    { self: large, current: large, incoming: small, laterMs: 60_000, givenUp: true, verdict: 'replace', why: 'the peer uses another one already' },
  ];
  for (const { self, current, incoming, laterMs, givenUp, verdict, why } of rows) {
    const [selfName, currentName, incomingName] = [self, current, incoming].map((id) => (id === small ? 'smaller' : 'larger'));
    it(`${selfName} id, in use dialled by ${currentName}, new by ${incomingName}, ${laterMs} ms later: ${verdict} (${why})`, () => {
      const peer = self === small ? large : small;
      const decided = decideDuplicate(self, peer, { dialledBy: current, sinceMs: 100, givenUpByPeer: givenUp ?? false }, { dialledBy: incoming, sinceMs: 100 + laterMs, givenUpByPeer: false }, windowMs);
      expect(decided).to.equal(verdict);
    });
  }

  it('never lets both nodes retire a session, whatever each saw first', () => {
    for (const [current, incoming] of [[small, large], [large, small], [small, small], [large, large]] as const) {
      const contenders = [{ dialledBy: current, sinceMs: 0, givenUpByPeer: false }, { dialledBy: incoming, sinceMs: 1, givenUpByPeer: false }] as const;
      expect(decideDuplicate(large, small, contenders[0], contenders[1], windowMs)).to.equal('follow-if-alive');
      expect(decideDuplicate(small, large, contenders[0], contenders[1], windowMs)).to.not.equal('follow-if-alive');
    }
  });
});

import { expect } from 'chai';
import { pathAdvice, type PathFacts } from '../../../src/lib/nat/path-advice.js';
import { PunchHistory } from '../../../src/lib/nat/punch-history.js';
import type { PunchReport } from '../../../src/lib/nat/punch-types.js';

const relayed: PathFacts = { path: 'relay', punches: true, last: undefined, nextAttemptInMs: undefined };
const simple = { kind: 'simple' } as const;

describe('the advice on a path', () => {
  const table: readonly [string, PathFacts, RegExp][] = [
    ['a direct path', { ...relayed, path: 'direct' }, /^Packets go directly\.$/],
    ['no connection', { ...relayed, path: undefined }, /not connected/],
    ['punching switched off', { ...relayed, punches: false }, /MACULA_PUNCH is off/],
    ['no attempt yet', relayed, /No attempt/],
    ['ports that cannot be foreseen', { ...relayed, last: { outcome: 'failed', technique: { kind: 'relay', reason: 'unpredictable' } }, nextAttemptInMs: 4200 }, /cannot be foreseen.*Forward the UDP port.*in 5 s/],
    ['UDP blocked', { ...relayed, last: { outcome: 'failed', technique: { kind: 'relay', reason: 'blocked' } } }, /allow it in the firewall/],
    ['probes without an answer', { ...relayed, last: { outcome: 'failed', technique: simple } }, /No probe of either side/],
    ['a peer that does not punch', { ...relayed, last: { outcome: 'off', technique: undefined } }, /off there/],
    ['a peer that says nothing', { ...relayed, last: { outcome: 'unanswered', technique: undefined } }, /did not take part/],
    ['a busy peer', { ...relayed, last: { outcome: 'busy', technique: simple } }, /too many attempts/],
    ['a path that was lost', { ...relayed, last: { outcome: 'direct', technique: simple } }, /stopped answering/],
    ['an address nobody vouches for', { ...relayed, last: { outcome: 'unverified', technique: { kind: 'birthday', opener: 'own' } } }, /vouched for by nobody/],
  ];
  for (const [what, facts, expected] of table) it(`fits ${what}`, () => expect(pathAdvice(facts)).to.match(expected));
});

describe('the history of attempts at direct paths', () => {
  it('keeps the last eight of a peer, and so many peers', () => {
    const history = new PunchHistory();
    for (let attempt = 0; attempt < 20; attempt++) history.add('a', { attempt } as PunchReport);
    expect(history.of('a').map(({ attempt }) => attempt)).to.deep.equal([12, 13, 14, 15, 16, 17, 18, 19]);
    for (let peer = 0; peer < 256; peer++) history.add(`peer${peer}`, { attempt: 1 } as PunchReport);
    expect(history.of('a')).to.deep.equal([]);
    expect(history.of('peer0')).to.have.length(1);
  });
});

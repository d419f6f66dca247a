import { expect } from 'chai';
import { chooseTechnique, type Technique } from '../../../src/lib/nat/technique.js';
import type { NatSummary } from '../../../src/lib/wire/punch.js';
import { simulatedKinds, summaries, type SimulatedKind } from '../../support/simulated-network.js';

/** The table of docs/NAT.md, a row a kind: s simple, p prediction, b birthday, r relay. */
const table: Readonly<Record<SimulatedKind, string>> = {
  none: 'ssssss',
  'full-cone': 'ssssss',
  'address-restricted': 'ssssss',
  'port-restricted': 'sssspb',
  'symmetric-sequential': 'sssppr',
  'symmetric-random': 'sssbrr',
};
const kinds = { s: 'simple', p: 'predict', b: 'birthday', r: 'relay' } as const;

function mirrored(technique: Technique): Technique {
  switch (technique.kind) {
    case 'predict':
      return { kind: 'predict', own: technique.peer, peer: technique.own };
    case 'birthday':
      return { kind: 'birthday', opener: technique.opener === 'own' ? 'peer' : 'own' };
    default:
      return technique;
  }
}

describe('the technique for a pair of NATs', () => {
  for (const [row, own] of simulatedKinds.entries()) {
    for (const [column, peer] of simulatedKinds.entries()) {
      const expected = kinds[table[own][column] as keyof typeof kinds];
      it(`is ${expected} for ${own} with ${peer}, and the same seen from the peer`, () => {
        const technique = chooseTechnique(summaries[own], summaries[peer]);
        expect(technique.kind).to.equal(expected);
        expect(table[peer][row], 'the table is symmetric').to.equal(table[own][column]);
        expect(chooseTechnique(summaries[peer], summaries[own])).to.deep.equal(mirrored(technique));
      });
    }
  }

  it('lets the side whose ports vary open the sockets, and names who predicts', () => {
    expect(chooseTechnique(summaries['symmetric-random'], summaries['port-restricted'])).to.deep.equal({ kind: 'birthday', opener: 'own' });
    expect(chooseTechnique(summaries['port-restricted'], summaries['symmetric-sequential'])).to.deep.equal({ kind: 'predict', own: false, peer: true });
    expect(chooseTechnique(summaries['symmetric-sequential'], summaries['symmetric-sequential'])).to.deep.equal({ kind: 'predict', own: true, peer: true });
  });

  const unknown: NatSummary = { natType: 'unknown', mapping: 'unknown', filtering: 'unknown', ports: 'unknown', portDelta: 0 };
  const rest: [what: string, own: NatSummary, peer: NatSummary, technique: Technique][] = [
    ['nothing is known of either', unknown, unknown, { kind: 'simple' }],
    ['one is not known and the other lets ports in', unknown, summaries['full-cone'], { kind: 'simple' }],
    ['one is not known and the other has random ports: as if it filtered by port', unknown, summaries['symmetric-random'], { kind: 'birthday', opener: 'peer' }],
    ['UDP is blocked', { ...unknown, natType: 'blocked' }, summaries.none, { kind: 'relay', reason: 'blocked' }],
    ['ports are random and address-dependent', { ...summaries['symmetric-random'], mapping: 'address-dependent' }, summaries['port-restricted'], { kind: 'birthday', opener: 'own' }],
    ['how a symmetric NAT chooses ports is not known', { ...summaries['symmetric-random'], ports: 'unknown' }, summaries['symmetric-sequential'], { kind: 'relay', reason: 'unpredictable' }],
  ];
  for (const [what, own, peer, technique] of rest) it(`is ${technique.kind} where ${what}`, () => expect(chooseTechnique(own, peer)).to.deep.equal(technique));
});

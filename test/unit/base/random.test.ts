import { expect } from 'chai';
import { seededRandom, systemRandom } from '../../../src/lib/base/random.js';

describe('random sources', () => {
  it('equal seeds give equal sequences, other seeds others', () => {
    const draw = (seed: number): number[] => Array.from({ length: 20 }, ((random) => () => random.integer(1000))(seededRandom(seed)));
    expect(draw(7)).to.deep.equal(draw(7));
    expect(draw(7)).to.not.deep.equal(draw(8));
  });

  for (const [name, random] of Object.entries({ seeded: seededRandom(1), system: systemRandom })) {
    it(`the ${name} source stays within its bounds and covers them`, () => {
      const seen = new Set<number>();
      for (let round = 0; round < 2000; round++) {
        const float = random.float();
        expect(float).to.be.within(0, 1).and.not.equal(1);
        seen.add(random.integer(8));
      }
      expect([...seen].sort()).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(random.bytes(33)).to.have.length(33);
    });
  }
});

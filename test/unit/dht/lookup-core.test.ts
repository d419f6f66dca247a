import { expect } from 'chai';
import fc from 'fast-check';
import { seededRandom } from '../../../src/lib/base/random.js';
import { contactOf, type Contact } from '../../../src/lib/dht/contact.js';
import { LookupCore, type LookupEffect, type LookupOptions } from '../../../src/lib/dht/lookup-core.js';
import { compareDistance } from '../../../src/lib/dht/xor.js';
import { contactAt, idOf } from './ids.js';

const target = idOf(0);
const settings = { count: 4, maxCount: 12, parallelism: 3, maxParallelism: 10, maxPerPrefix: 3, maxRequests: 200 };

function lookup(options: Partial<LookupOptions> = {}): LookupCore {
  return new LookupCore({ target, self: 'ff'.repeat(32), settings, isConnected: () => false, ...options });
}

const asked = (effects: readonly LookupEffect[]): Contact[] => effects.flatMap((effect) => (effect.type === 'ask' ? [effect.contact] : []));
const near = (distance: number, host?: string): Contact => contactAt([distance], host);

describe('Iterative lookup', () => {
  it('is finished at once when nobody is known', () => {
    expect(lookup().handle({ type: 'seed', contacts: [] })).to.deep.equal([{ type: 'finished' }]);
  });

  it('asks the three closest it knows', () => {
    const effects = lookup().handle({ type: 'seed', contacts: [near(9), near(5), near(7), near(6), near(8)] });
    expect(asked(effects)).to.deep.equal([near(5), near(6), near(7)]);
  });

  it('asks whom an answer names, and counts the hops', () => {
    const core = lookup();
    core.handle({ type: 'seed', contacts: [near(9)] });
    expect(core.handle({ type: 'answered', nodeId: near(9).nodeId, contacts: [near(3)] })).to.deep.equal([{ type: 'ask', contact: near(3), hop: 2 }]);
    core.handle({ type: 'answered', nodeId: near(3).nodeId, contacts: [] });
    expect(core.hops()).to.equal(2);
    expect(core.closest()).to.deep.equal([near(3), near(9)]);
  });

  it('ends when the k closest have answered, whoever is further away', () => {
    const core = lookup();
    core.handle({ type: 'seed', contacts: [1, 2, 3, 4, 5, 6].map((distance) => near(distance)) });
    for (const distance of [1, 2, 3]) core.handle({ type: 'answered', nodeId: near(distance).nodeId, contacts: [] });
    expect(core.handle({ type: 'answered', nodeId: near(4).nodeId, contacts: [] })).to.deep.equal([{ type: 'finished' }]);
    expect(core.closest()).to.deep.equal([1, 2, 3, 4].map((distance) => near(distance)));
  });

  it('ends when three of the closest five have answered where those named are trusted, and gives them, too', () => {
    const core = lookup({ trusting: true });
    core.handle({ type: 'seed', contacts: [1, 2, 3, 4, 5].map((distance) => near(distance)) });
    for (const distance of [2, 3]) core.handle({ type: 'answered', nodeId: near(distance).nodeId, contacts: [] });
    expect(core.handle({ type: 'answered', nodeId: near(1).nodeId, contacts: [near(6)] })).to.deep.equal([{ type: 'finished' }]);
    expect([core.closest(), core.further()]).to.deep.equal([[1, 2, 3, 4].map((distance) => near(distance)), [near(5), near(6)]]);
  });

  it('asks everybody after all where what was named looks wrong, and believes nobody where nobody answered', () => {
    const core = lookup({ trusting: true, isEnough: () => false });
    core.handle({ type: 'seed', contacts: [1, 2, 3, 4, 5].map((distance) => near(distance)) });
    for (const distance of [1, 2]) core.handle({ type: 'answered', nodeId: near(distance).nodeId, contacts: [] });
    core.handle({ type: 'answered', nodeId: near(3).nodeId, contacts: [] });
    expect(core.isFinished).to.equal(false);
    expect(core.closest()).to.deep.equal([1, 2, 3].map((distance) => near(distance)));
    const silent = lookup({ trusting: true });
    silent.handle({ type: 'seed', contacts: [near(1), near(2)] });
    for (const distance of [1, 2]) silent.handle({ type: 'failed', nodeId: near(distance).nodeId });
    expect([silent.isFinished, silent.closest()]).to.deep.equal([true, []]);
  });

  it('frees the place of a slow node and does not wait for it, but takes its late answer', () => {
    const core = lookup();
    core.handle({ type: 'seed', contacts: [1, 2, 3, 4, 5].map((distance) => near(distance)) });
    expect(asked(core.handle({ type: 'slow', nodeId: near(1).nodeId }))).to.deep.include(near(4));
    core.handle({ type: 'answered', nodeId: near(1).nodeId, contacts: [] });
    for (const distance of [2, 3, 4]) core.handle({ type: 'answered', nodeId: near(distance).nodeId, contacts: [] });
    expect(core.isFinished).to.equal(true);
    expect(core.closest()[0]).to.deep.equal(near(1));
  });

  it('ends without the slow ones when the others have answered', () => {
    const core = lookup();
    core.handle({ type: 'seed', contacts: [near(1), near(2)] });
    core.handle({ type: 'slow', nodeId: near(1).nodeId });
    expect(core.handle({ type: 'answered', nodeId: near(2).nodeId, contacts: [] })).to.deep.equal([{ type: 'finished' }]);
  });

  it('waits longer for the slow ones that are closest when it is thorough', () => {
    const core = lookup({ thorough: true });
    core.handle({ type: 'seed', contacts: [near(1), near(2)] });
    core.handle({ type: 'slow', nodeId: near(1).nodeId });
    expect(core.handle({ type: 'answered', nodeId: near(2).nodeId, contacts: [] })).to.deep.equal([]);
    expect(core.handle({ type: 'overdue', nodeId: near(1).nodeId })).to.deep.equal([{ type: 'finished' }]);
  });

  it('waits for slow nodes when nobody else answered', () => {
    const core = lookup();
    core.handle({ type: 'seed', contacts: [near(1)] });
    expect(core.handle({ type: 'slow', nodeId: near(1).nodeId })).to.deep.equal([]);
    expect(core.handle({ type: 'failed', nodeId: near(1).nodeId })).to.deep.equal([{ type: 'finished' }]);
  });

  it('asks the connected one among those about as close', () => {
    const core = lookup({ isConnected: (nodeId) => nodeId === near(7).nodeId });
    expect(asked(core.handle({ type: 'seed', contacts: [near(4), near(5), near(6), near(7)] }))[0]).to.deep.equal(near(7));
  });

  it('ignores ourselves, duplicates, ids of the wrong length and what goes beyond k in an answer', () => {
    const core = lookup();
    core.handle({ type: 'seed', contacts: [near(9)] });
    const wrong: Contact = { ...near(1), nodeId: 'ab', id: new Uint8Array(31) };
    const self = contactOf('ff'.repeat(32), []);
    const many = Array.from({ length: 30 }, (_, index) => near(100 + index));
    const effects = core.handle({ type: 'answered', nodeId: near(9).nodeId, contacts: [self, wrong, near(9), near(9), ...many] });
    expect(asked(effects).every(({ id }) => id[0]! >= 100 && id[0]! < 116)).to.equal(true);
  });

  it('takes no answer of a node it did not ask', () => {
    const core = lookup();
    core.handle({ type: 'seed', contacts: [near(9)] });
    expect(core.handle({ type: 'answered', nodeId: near(3).nodeId, contacts: [near(1)] })).to.deep.equal([]);
  });

  it('keeps the closest three of a /24', () => {
    const core = lookup({ settings: { ...settings, parallelism: 10 } });
    const crowd = [6, 5, 4, 3, 2, 1].map((distance) => near(distance, `198.51.100.${distance}`));
    expect(asked(core.handle({ type: 'seed', contacts: crowd }))).to.deep.equal([crowd[5], crowd[4], crowd[3]]);
  });

  it('goes on past the k-th while that is not enough', () => {
    const core = lookup({ isEnough: (answered) => answered.length >= 6 });
    const all = [1, 2, 3, 4, 5, 6, 7, 8].map((distance) => near(distance));
    core.handle({ type: 'seed', contacts: all });
    for (const contact of all) core.handle({ type: 'answered', nodeId: contact.nodeId, contacts: [] });
    expect(core.isFinished).to.equal(true);
    expect(core.closest()).to.have.length(6);
  });

  it('believes last what a peer names whose contacts do not exist', () => {
    const core = lookup({ settings: { ...settings, parallelism: 1, maxParallelism: 1 } });
    const liar = near(200);
    const invented = Array.from({ length: 20 }, (_, index) => near(1 + index));
    let [next] = asked(core.handle({ type: 'seed', contacts: [liar, near(210), near(211), near(212), near(213)] }));
    let inventedAsked = 0;
    for (let turn = 0; next && turn < 100; turn++) {
      const isInvented = next.id[0]! <= 20;
      if (isInvented) inventedAsked++;
      const { nodeId } = next;
      [next] = asked(core.handle(isInvented ? { type: 'failed', nodeId } : { type: 'answered', nodeId, contacts: nodeId === liar.nodeId ? invented : [] }));
    }
    expect(core.isFinished).to.equal(true);
    expect(inventedAsked).to.be.below(8);
    expect(core.closest()).to.have.length(4);
  });

  it('ends with bounded requests whatever peers answer', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seededRandom(seed);
        const core = lookup({ settings: { ...settings, count: 20, maxCount: 60 } });
        const waiting = asked(core.handle({ type: 'seed', contacts: [near(9)] }));
        let closer = 0;
        while (waiting.length > 0) {
          const { nodeId } = waiting.splice(random.integer(waiting.length), 1)[0]!;
          // Each answer names twenty new nodes, every time closer than all before.
          const contacts = Array.from({ length: 20 }, () => contactOf(Buffer.from([0, closer++ >> 8, 255 - (closer & 255), ...random.bytes(29)]).toString('hex'), []));
          const type = random.integer(4) === 0 ? 'failed' : 'answered';
          waiting.push(...asked(core.handle(type === 'failed' ? { type, nodeId } : { type, nodeId, contacts })));
        }
        expect(core.isFinished).to.equal(true);
        expect(core.requests).to.be.at.most(settings.maxRequests);
        const closest = core.closest();
        expect(closest).to.deep.equal([...closest].sort((a, b) => compareDistance(target, a.id, b.id)));
      }),
      { numRuns: 20 },
    );
  });
});

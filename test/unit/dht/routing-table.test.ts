import { expect } from 'chai';
import fc from 'fast-check';
import { seededRandom } from '../../../src/lib/base/random.js';
import { contactOf } from '../../../src/lib/dht/contact.js';
import { RoutingTable } from '../../../src/lib/dht/routing-table.js';
import { compareDistance } from '../../../src/lib/dht/xor.js';
import { contactAt, idOf } from './ids.js';

const own = idOf(0);
const table = (bucketSize = 4): RoutingTable => new RoutingTable(own, { bucketSize, maxPerPrefix: 3, maxPerPrefixInBucket: 2 });
const far = (index: number, ...rest: [string?, ('public' | 'relayed' | 'unknown')?]) => contactAt([0x80, index], ...rest);

describe('Routing table', () => {
  it('never takes our own id', () => {
    expect(table().admit(contactAt([0]), 0)).to.equal('refused');
    expect(table().wouldAdmit(contactAt([0]))).to.equal(false);
  });

  it('lets a newcomer wait while the entries of a full bucket answer', () => {
    const full = table();
    for (let index = 0; index < 4; index++) expect(full.admit(far(index), index)).to.equal('added');
    expect(full.wouldAdmit(far(9))).to.equal(false);
    expect(full.admit(far(9), 10)).to.equal('waiting');
    expect(full.size).to.equal(4);
  });

  it('gives the place of an entry that fell silent twice to one that waits', () => {
    const full = table();
    for (let index = 0; index < 4; index++) full.admit(far(index), index);
    full.admit(far(9), 10);
    expect(full.recordFailure(far(1).nodeId, far(1).id)).to.equal(undefined);
    expect(full.recordFailure(far(1).nodeId, far(1).id)?.contact.nodeId).to.equal(far(1).nodeId);
    expect(full.get(far(9).nodeId, far(9).id)).to.not.equal(undefined);
    expect(full.size).to.equal(4);
  });

  it('keeps an entry through two failures where nobody waits, but names it to nobody', () => {
    const few = table();
    few.admit(far(1), 0);
    few.recordFailure(far(1).nodeId, far(1).id);
    expect(few.closest(far(1).id, 4)).to.deep.equal([]);
    expect(few.closest(far(1).id, 4, true)).to.have.length(1);
    few.recordFailure(far(1).nodeId, far(1).id);
    expect(few.size).to.equal(1);
    few.recordFailure(far(1).nodeId, far(1).id);
    expect(few.size).to.equal(0);
  });

  it('forgets failures when the node answers again', () => {
    const few = table();
    few.admit(far(1), 0);
    few.recordFailure(far(1).nodeId, far(1).id);
    expect(few.admit(far(1), 1)).to.equal('updated');
    expect(few.closest(own, 4)).to.have.length(1);
  });

  it('gives a public node the place of one that only a relay reaches', () => {
    const full = table();
    for (let index = 0; index < 4; index++) full.admit(far(index, '10.0.0.1', 'relayed'), index);
    expect(full.admit(far(8, '10.0.0.1', 'relayed'), 10)).to.equal('waiting');
    expect(full.admit(far(9, '10.0.0.1', 'public'), 11)).to.equal('added');
    expect(full.get(far(0).nodeId, far(0).id)).to.equal(undefined);
    expect(full.size).to.equal(4);
  });

  it('takes at most two of a /24 into a bucket and three into the table', () => {
    const diverse = table(20);
    expect(diverse.admit(contactAt([0x80, 1], '198.51.100.1'), 0)).to.equal('added');
    expect(diverse.admit(contactAt([0x80, 2], '198.51.100.2'), 0)).to.equal('added');
    expect(diverse.admit(contactAt([0x80, 3], '198.51.100.3'), 0)).to.equal('refused');
    expect(diverse.admit(contactAt([0x40, 1], '198.51.100.4'), 0)).to.equal('added');
    expect(diverse.admit(contactAt([0x20, 1], '198.51.100.5'), 0)).to.equal('refused');
    expect(diverse.admit(contactAt([0x20, 1], '198.51.101.5'), 0)).to.equal('added');
  });

  it('sets no such limit within loopback and private ranges', () => {
    const local = table(20);
    for (let index = 0; index < 10; index++) expect(local.admit(contactAt([0x80, index], '127.0.0.1'), 0)).to.equal('added');
  });

  it('frees the place of a network when its node leaves', () => {
    const diverse = table(20);
    for (const index of [1, 2]) diverse.admit(contactAt([0x80, index], `198.51.100.${index}`), 0);
    const gone = contactAt([0x80, 1]);
    diverse.remove(gone.nodeId, gone.id);
    expect(diverse.admit(contactAt([0x80, 3], '198.51.100.3'), 0)).to.equal('added');
  });

  it('asks those not heard of for longest, and nobody heard of lately', () => {
    const stale = table();
    for (const [index, atMs] of [[1, 300], [2, 100], [3, 200]] as const) stale.admit(far(index), atMs);
    stale.admit(contactAt([0x40]), 150);
    expect(stale.stalest(2, 50, 1000).map(({ lastSeenMs }) => lastSeenMs)).to.deep.equal([100, 150]);
    expect(stale.stalest(2, 950, 1000)).to.deep.equal([]);
  });

  it('finds the closest of all entries, in order', () => {
    fc.assert(
      fc.property(fc.integer(), fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed, target) => {
        const random = seededRandom(seed);
        const filled = table(8);
        for (let index = 0; index < 200; index++) {
          const id = random.bytes(32);
          // Ids close to ours fill deep buckets, too.
          if (index % 3 === 0) id.fill(0, 0, 1 + random.integer(3));
          filled.admit(contactOf(Buffer.from(id).toString('hex'), []), index);
        }
        const all = [...filled.entries()].map(({ contact }) => contact).sort((a, b) => compareDistance(target, a.id, b.id));
        expect(all.length).to.equal(filled.size);
        expect(filled.closest(target, 10)).to.deep.equal(all.slice(0, 10));
      }),
      { numRuns: 30 },
    );
  });

  it('estimates the size of the network within a factor of two', () => {
    const random = seededRandom(3);
    const filled = table(20);
    for (let index = 0; index < 1000; index++) filled.admit(contactOf(Buffer.from(random.bytes(32)).toString('hex'), []), 0);
    expect(filled.estimatedNetworkSize()).to.be.within(500, 2000);
  });
});

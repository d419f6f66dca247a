import { expect } from 'chai';
import { PunchPair, story, type SideOptions } from '../../support/punch-pair.js';
import { simulatedKinds, type LinkOptions, type SimulatedKind } from '../../support/simulated-network.js';

/** Pairs that no technique connects (docs/NAT.md). */
function needsRelay(a: SimulatedKind, b: SimulatedKind): boolean {
  const symmetric = [a, b].filter((kind) => kind.startsWith('symmetric'));
  return symmetric.length === 2 && symmetric.includes('symmetric-random');
}

function isBirthday(a: SimulatedKind, b: SimulatedKind): boolean {
  return [a, b].includes('symmetric-random') && [a, b].includes('port-restricted');
}

interface Trial {
  readonly pair: PunchPair;
  readonly seed: number;
  readonly direct: boolean;
}

function trials(count: number, a: SideOptions, b: SideOptions, link: LinkOptions, limitMs = 30_000): Trial[] {
  return Array.from({ length: count }, (_, index) => {
    const pair = new PunchPair(index + 1, a, b, link);
    pair.start();
    return { pair, seed: index + 1, direct: pair.run(limitMs) };
  });
}

/** Expects at least that share of trials to be direct, and shows those that are not. */
function expectDirect(all: readonly Trial[], share: number): void {
  const failed = all.filter(({ direct }) => !direct);
  expect(1 - failed.length / all.length, failed.map(({ seed, pair }) => `seed ${seed}:\n${story(pair)}`).join('\n')).to.be.at.least(share);
}

function timesMs(all: readonly Trial[]): number[] {
  return all.map(({ pair }) => Math.max(pair.a.directMs ?? Infinity, pair.b.directMs ?? Infinity) - 1000).sort((x, y) => x - y);
}

const goodLink: LinkOptions = { delayMs: 10 };
/** Half a second to and fro, a packet in fifty lost, overtaking. */
const badLink: LinkOptions = { delayMs: 50, jitterMs: 15, loss: 0.02 };

describe('two nodes that punch from behind simulated NATs', () => {
  for (const a of simulatedKinds) {
    for (const b of simulatedKinds) {
      if (needsRelay(a, b)) {
        it(`stay on the relay and give up in 5 s: ${a} with ${b}`, () => {
          for (const { pair } of trials(5, { kind: a }, { kind: b }, goodLink)) {
            expect(pair.isDirect).to.equal(false);
            const [report] = pair.a.reports;
            expect(report).to.deep.include({ outcome: 'failed', technique: { kind: 'relay', reason: 'unpredictable' } });
            expect(report!.punchingMs).to.be.at.most(5000);
            for (const side of [pair.a, pair.b]) expect({ sockets: side.openSockets, taken: side.slot.taken, stage: side.core.stage }).to.deep.equal({ sockets: 0, taken: false, stage: 'waiting' });
            // Asked again, but not soon: nothing will have changed.
            expect(pair.a.reports).to.have.length(1);
          }
        });
      } else if (isBirthday(a, b)) {
        it(`find each other by many sockets within its probes: ${a} with ${b}`, () => {
          const all = trials(40, { kind: a }, { kind: b }, goodLink);
          expectDirect(all, 0.97);
          expect(timesMs(all)[20], 'median').to.be.below(4000);
        });
      } else {
        it(`are direct at the first attempt: ${a} with ${b}`, () => {
          const all = trials(10, { kind: a }, { kind: b }, goodLink);
          expectDirect(all, 1);
          // The exchange takes 120 ms of virtual time here, the way over the relay being 40 ms long.
          expect(timesMs(all).at(-1)).to.be.at.most(120 + 100);
        });
        it(`are direct on a lossy, reordering path: ${a} with ${b}`, () => expectDirect(trials(25, { kind: a }, { kind: b }, badLink), 0.97));
      }
    }
  }

  it('find each other although routers give peers that come too early another port', () => {
    for (const kind of ['port-restricted', 'address-restricted', 'full-cone'] as const) {
      const all = Array.from({ length: 20 }, (_, index) => {
        const pair = new PunchPair(index + 1, { kind, hostile: true }, { kind: 'port-restricted', hostile: true }, goodLink);
        // Each has tried the addresses it knew of the other before there was any way in.
        pair.net.send(pair.a.host, 4433, pair.b.outer(), {});
        pair.net.send(pair.b.host, 4433, pair.a.outer(), {});
        pair.run(1000, () => false);
        pair.start();
        return { pair, seed: index + 1, direct: pair.run(30_000) };
      });
      expectDirect(all, 0.97);
    }
  });

  it('find each other although other hosts use up ports of a sequential NAT', () => {
    const noisy = { kind: 'symmetric-sequential', noise: 5 } as const;
    expectDirect(trials(40, noisy, { kind: 'port-restricted' }, goodLink), 0.97);
    expectDirect(trials(40, noisy, noisy, goodLink), 0.97);
  });

  it('find each other by inner addresses behind one NAT, of whatever kind', () => {
    for (const kind of simulatedKinds.filter((one) => one !== 'none')) {
      const all = trials(5, { kind, hairpin: false }, { kind, sameNat: true }, goodLink);
      expectDirect(all, 1);
      for (const { pair } of all) expect(pair.a.directRoutes().map(({ address }) => address.host)).to.include('10.0.0.3');
    }
  });

  it('find each other through a home router behind a carrier’s NAT', () => {
    for (const behind of ['full-cone', 'port-restricted'] as const) {
      for (const kind of ['none', 'port-restricted', 'symmetric-sequential'] as const) {
        expectDirect(trials(5, { kind: 'port-restricted', behind }, { kind }, goodLink), 1);
      }
    }
  });

  it('find each other at the second attempt where a sequential NAT met one that is stricter than was found', () => {
    // The home router filters by port, which the finding of its full-cone carrier does not show.
    const all = trials(5, { kind: 'port-restricted', behind: 'full-cone' }, { kind: 'symmetric-sequential' }, goodLink);
    expectDirect(all, 1);
    for (const { pair } of all) expect(pair.a.reports.map(({ outcome }) => outcome)).to.deep.equal(['failed', 'direct']);
  });

  it('close all sockets but the one that got through', () => {
    const [{ pair }] = trials(1, { kind: 'symmetric-random' }, { kind: 'port-restricted' }, goodLink) as [Trial];
    pair.run(5000, () => false);
    expect(pair.a.openSockets).to.be.within(1, 3);
    expect(pair.b.openSockets).to.equal(0);
    expect([pair.a.slot.taken, pair.b.slot.taken]).to.deep.equal([false, false]);
  });

  it('come to one attempt when both begin at the same instant', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const pair = new PunchPair(seed, { kind: 'port-restricted' }, { kind: 'port-restricted' }, goodLink);
      pair.start();
      for (const side of [pair.a, pair.b]) side.do({ type: 'network-changed' });
      pair.run(10_000, () => false);
      const outcomes = [pair.a, pair.b].map(({ reports }) => reports.map(({ role, outcome }) => `${role} ${outcome}`));
      expect(outcomes[0]).to.deep.equal(['initiator direct']);
      expect(outcomes[1]).to.deep.equal(['initiator overtaken', 'responder direct']);
    }
  });

  it('begin at once when the network changes, however long the pause was to be', () => {
    const [{ pair }] = trials(1, { kind: 'symmetric-random' }, { kind: 'symmetric-random' }, goodLink) as [Trial];
    expect(pair.a.core.nextAttemptMs! - pair.net.nowMs).to.be.above(60_000);
    pair.a.do({ type: 'network-changed' });
    pair.run(200, () => false);
    expect(pair.a.sent.filter(({ type }) => type === 'offer')).to.have.length(2);
  });

  it('begin anew at once when the network changes during an attempt, which went by what was known before', () => {
    const pair = new PunchPair(4, { kind: 'symmetric-random' }, { kind: 'symmetric-random' }, goodLink);
    pair.start();
    pair.run(1000, () => false);
    expect(pair.a.core.stage).to.equal('punching');
    pair.a.do({ type: 'network-changed' });
    expect(pair.a.core.stage).to.equal('offered');
    pair.run(500, () => false);
    for (const side of [pair.a, pair.b]) {
      expect(side.core.stage).to.equal('punching');
      expect(side.reports.map(({ outcome }) => outcome)).to.deep.equal(['overtaken']);
    }
  });

  it('spray no probes over an address nobody else has seen the peer at', () => {
    const [{ pair }] = trials(1, { kind: 'port-restricted', unverified: true }, { kind: 'symmetric-random', unverified: true }, goodLink) as [Trial];
    expect(pair.a.reports.map(({ outcome }) => outcome)).to.deep.equal(['unverified']);
    for (const probes of pair.a.probes.values()) expect(probes).to.be.below(20);
  });

  it('spray no probes where the relay does not see the peer, whatever that says', () => {
    const pair = new PunchPair(5, { kind: 'port-restricted' }, { kind: 'symmetric-random', claims: { host: '203.0.113.66', port: 4433 } }, goodLink);
    pair.start();
    expect(pair.run(20_000)).to.equal(false);
    expect(pair.a.reports[0]).to.include({ outcome: 'unverified' });
    expect(pair.a.probes.get('203.0.113.66')).to.be.within(1, 20);
  });

  it('wait their turn while another attempt with many sockets goes on', () => {
    const pair = new PunchPair(3, { kind: 'port-restricted' }, { kind: 'symmetric-random' }, goodLink);
    pair.b.slot.take();
    pair.start();
    expect(pair.run(4000)).to.equal(false);
    expect(pair.a.reports.map(({ outcome }) => outcome)).to.deep.equal(['busy']);
    pair.b.slot.release();
    expect(pair.run(60_000)).to.equal(true);
  });
});

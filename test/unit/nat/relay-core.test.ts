import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import { RelayCore, type RelayDecision, type RelaySession, type RelaySettings } from '../../../src/lib/nat/relay-core.js';

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(64)) as [string, string, string, string];

function core(changed: Partial<RelaySettings> = {}): RelayCore {
  return new RelayCore({ random: seededRandom(1) }, { ...defaultSettings(), ...changed });
}

function opened(decision: RelayDecision): RelaySession {
  if (decision.kind !== 'opened') throw new Error(`refused: ${decision.reason}`);
  return decision.session;
}

function reasonOf(decision: RelayDecision): string {
  return decision.kind === 'opened' ? 'opened' : decision.reason;
}

describe('what a relay grants', () => {
  it('opens sessions with nodes that hold a reservation, and with no others', () => {
    const relay = core();
    expect(reasonOf(relay.open(a, b, 0))).to.equal('no-reservation');
    expect(relay.reserve(b, 0)).to.equal(undefined);
    expect(opened(relay.open(a, b, 1)).ends).to.deep.equal([a, b]);
    expect(reasonOf(relay.open(b, b, 1))).to.equal('no-reservation');
    expect(reasonOf(relay.open(b, a, 1))).to.equal('no-reservation');
    expect(relay.stats()).to.deep.include({ reservations: 1, sessions: 1, refused: { 'no-reservation': 3 } });
  });

  it('tells the ends of a session who the other one is, as often as it may be asked, and nobody else', () => {
    const relay = core();
    relay.reserve(b, 0);
    const { id } = opened(relay.open(a, b, 0));
    expect(relay.otherEnd(id, a, 0)).to.deep.equal({ nodeId: b });
    expect(relay.otherEnd(id, b, 0)).to.deep.equal({ nodeId: a });
    expect(relay.otherEnd(id, c, 0)).to.deep.equal({ refused: 'no-session' });
    expect(relay.otherEnd('0'.repeat(16), a, 0)).to.deep.equal({ refused: 'no-session' });
    for (let asked = 2; asked < 32; asked++) relay.otherEnd(id, a, 0);
    expect(relay.otherEnd(id, a, 0)).to.deep.equal({ refused: 'requests' });
  });

  it('lets a reservation run out that was not renewed', () => {
    const relay = core({ relayReservationMs: 60_000 });
    relay.reserve(b, 0);
    relay.reserve(c, 0);
    relay.reserve(c, 30_000);
    expect(reasonOf(relay.open(a, b, 60_000))).to.equal('no-reservation');
    relay.sweep(60_000);
    expect(relay.stats().reservations).to.equal(1);
    expect(reasonOf(relay.open(a, c, 60_000))).to.equal('opened');
  });

  const refusals: readonly { what: string; settings: Partial<RelaySettings>; reason: string; ask: (relay: RelayCore) => string | undefined }[] = [
    { what: 'everything when switched off', settings: { relay: false }, reason: 'disabled', ask: (relay) => relay.reserve(a, 0) },
    { what: 'sessions when switched off', settings: { relay: false }, reason: 'disabled', ask: (relay) => reasonOf(relay.open(a, b, 0)) },
    {
      what: 'a reservation too many, but never a renewal', settings: { relayMaxReservations: 1 }, reason: 'reservations',
      ask: (relay) => relay.reserve(a, 0) ?? relay.reserve(a, 1) ?? relay.reserve(b, 1),
    },
    { what: 'sessions beyond those it carries', settings: { relayMaxSessions: 1 }, reason: 'sessions', ask: (relay) => [relay.reserve(b, 0), relay.open(a, b, 0), reasonOf(relay.open(c, b, 0))].at(-1) as string },
    {
      what: 'sessions beyond those of one node', settings: { relayMaxSessionsPerPeer: 2 }, reason: 'sessions-of-peer',
      ask: (relay) => [relay.reserve(b, 0), relay.open(a, b, 0), relay.open(c, b, 0), reasonOf(relay.open(d, b, 0))].at(-1) as string,
    },
    { what: 'a node that asks too often', settings: {}, reason: 'requests', ask: (relay) => Array.from({ length: 33 }, () => relay.reserve(a, 0)).at(-1) },
  ];
  for (const { what, settings, reason, ask } of refusals) {
    it(`refuses ${what}`, () => {
      const relay = core(settings);
      expect(ask(relay)).to.equal(reason);
      expect(relay.stats().refused).to.deep.equal({ [reason]: 1 });
    });
  }

  it('ends the session that carried no packets for longest when a node needs room, though probes kept it', () => {
    const relay = core({ relayMaxSessionsPerPeer: 2 });
    relay.reserve(b, 0);
    const [first, second] = [opened(relay.open(a, b, 0)), opened(relay.open(c, b, 0))];
    relay.charge(first.id, 0, 66, 29_000);
    relay.charge(second.id, 1, 1209, 10_000);
    const decision = relay.open(d, b, 30_000);
    expect(decision.kind === 'opened' && decision.ended).to.deep.equal([{ session: first, reason: 'made-room' }]);
    expect(reasonOf(relay.open(a, b, 30_000))).to.equal('sessions-of-peer');
  });

  it('ends what is idle or old, and everything of a node that is gone', () => {
    const relay = core({ relayIdleMs: 100_000, relayMaxAgeMs: 300_000, relayReservationMs: 10_000_000 });
    relay.reserve(b, 0);
    relay.reserve(c, 0);
    const [idle, old, gone] = [opened(relay.open(a, b, 0)), opened(relay.open(a, b, 0)), opened(relay.open(d, c, 250_000))];
    for (let nowMs = 0; nowMs < 300_000; nowMs += 15_000) relay.charge(old.id, 0, 66, nowMs);
    expect(relay.sweep(100_000).map(({ session, reason }) => [session.id, reason])).to.deep.equal([[idle.id, 'idle']]);
    expect(relay.sweep(300_000).map(({ session, reason }) => [session.id, reason])).to.deep.equal([[old.id, 'age']]);
    expect(relay.gone(c).map(({ session, reason }) => [session.id, reason])).to.deep.equal([[gone.id, 'peer-gone']]);
    expect(relay.stats()).to.deep.include({ reservations: 1, sessions: 0, ended: { idle: 1, age: 1, 'peer-gone': 1 } });
  });

  it('lets only an end close a session', () => {
    const relay = core();
    relay.reserve(b, 0);
    const { id } = opened(relay.open(a, b, 0));
    expect(relay.close(id, c)).to.equal(undefined);
    expect(relay.close(id, b)).to.deep.include({ reason: 'closed' });
    expect(relay.close(id, a)).to.equal(undefined);
  });

  const rates: readonly { limit: keyof RelaySettings; reason: string; sessions: 1 | 2; from: readonly (0 | 1)[] }[] = [
    { limit: 'relaySessionBytes', reason: 'relay-rate-session', sessions: 1, from: [0, 1] },
    { limit: 'relayPeerBytes', reason: 'relay-rate-peer', sessions: 2, from: [0, 0] },
    { limit: 'relayTotalBytes', reason: 'relay-rate', sessions: 2, from: [0, 1] },
  ];
  for (const { limit, reason, sessions, from } of rates) {
    it(`passes on ${limit} a second, volume without limit, and drops the rest as ${reason}`, () => {
      const relay = core({ [limit]: 100_000, relayIdleMs: 1e9, relayMaxAgeMs: 1e12 });
      relay.reserve(b, 0);
      relay.reserve(c, 0);
      const used = [opened(relay.open(a, b, 0)), opened(relay.open(a, c, 0))].slice(0, sessions);
      let dropped = 0;
      for (let nowMs = 0; nowMs < 100_000; nowMs += 1) {
        const end = from[nowMs % 2]!;
        const problem = relay.charge(used[nowMs % used.length]!.id, end, 1000, nowMs);
        if (problem) dropped += 1;
        if (problem) expect(problem).to.equal(reason);
      }
      expect(dropped).to.be.greaterThan(80_000);
      expect(relay.stats().bytes).to.be.within(9_900_000, 10_100_000);
    });
  }
});

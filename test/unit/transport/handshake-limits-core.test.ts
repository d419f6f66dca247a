import { expect } from 'chai';
import fc from 'fast-check';
import type { SocketAddress } from '../../../src/lib/base/address.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import { HandshakeLimits, type HandshakeLimitSettings } from '../../../src/lib/transport/handshake-limits-core.js';

const noSample = 0.99;

function limits(changes: Partial<HandshakeLimitSettings> = {}): HandshakeLimits {
  return new HandshakeLimits({ ...defaultSettings(), ...changes });
}

function from(host: string, port = 4433): SocketAddress {
  return { host, port };
}

/** The nth host of 198.51.0.0/16, a new /24 for each. */
function spread(n: number): SocketAddress {
  return from(`198.51.${n % 256}.${Math.floor(n / 256) + 1}`);
}

function openProven(core: HandshakeLimits, address: SocketAddress, times: number): void {
  for (let i = 0; i < times; i += 1) core.opened(address, true);
}

function text(decision: ReturnType<HandshakeLimits['decide']>): string {
  return decision.kind === 'drop' ? decision.reason : decision.kind;
}

describe('handshake limits', () => {
  it('accept a first Initial without a token', () => {
    expect(text(limits().decide(spread(1), false, 0, noSample))).to.equal('accept');
  });

  it('count who comes through a relay by who it is, and all of one relay as one network, however many connections it has', () => {
    const core = limits({ maxHalfOpenPerHost: 2, maxHalfOpenPerNetwork: 3, maxConnectionsPerPrefix: 1 });
    const through = (relay: string, peer: string) => ({ relay: relay.repeat(64), peer: peer.repeat(64) });
    const decide = (relay: string, peer: string): string => text(core.decide(through(relay, peer), true, 0, noSample));
    for (let i = 0; i < 2; i += 1) core.opened(through('a', '1'), true);
    expect([decide('a', '1'), decide('a', '2'), decide('b', '1')]).to.deep.equal(['half-open-host', 'accept', 'half-open-host']);
    core.opened(through('a', '2'), true);
    expect([decide('a', '3'), decide('b', '3')]).to.deep.equal(['half-open-network', 'accept']);
    for (const peer of ['1', '1', '2']) core.established(through('a', peer), true);
    expect(decide('a', '3')).to.equal('accept');
    for (const peer of ['1', '1', '2']) core.closed(through('a', peer));
    expect([core.halfOpen, core.connections, core.trackedPrefixes]).to.deep.equal([0, 0, 0]);
  });

  it('ask the given share of Initials for a token, so that the way stays tested', () => {
    const core = limits({ retrySampleRatio: 0.05 });
    expect(text(core.decide(spread(1), false, 0, 0.049))).to.equal('retry');
    expect(text(core.decide(spread(1), false, 0, 0.05))).to.equal('accept');
    expect(text(core.decide(spread(1), true, 0, 0.049))).to.equal('accept');
  });

  it('ask for a token beyond the half-open threshold, and no more once handshakes ended', () => {
    const core = limits({ retryAboveHalfOpen: 64 });
    for (let i = 0; i < 64; i += 1) {
      expect(text(core.decide(spread(i), false, 0, noSample))).to.equal('accept');
      core.opened(spread(i), false);
    }
    expect(text(core.decide(spread(99), false, 0, noSample))).to.equal('retry');
    expect(text(core.decide(spread(99), true, 0, noSample))).to.equal('accept');
    core.established(spread(0), false);
    expect(text(core.decide(spread(99), false, 0, noSample))).to.equal('accept');
  });

  it('ask for a token beyond the rate of Initials, and no more a quiet second later', () => {
    const core = limits({ retryAboveInitialsPerSecond: 100 });
    const kinds = Array.from({ length: 101 }, (_, i) => text(core.decide(spread(i), false, 10 + i, noSample)));
    expect(kinds.slice(0, 100)).to.deep.equal(new Array(100).fill('accept'));
    expect(kinds[100]).to.equal('retry');
    expect(text(core.decide(spread(1), false, 1015, noSample))).to.equal('retry');
    expect(text(core.decide(spread(1), false, 2200, noSample))).to.equal('accept');
  });

  it('do not count Initials that show a token, which are the second half of an attempt', () => {
    const core = limits({ retryAboveInitialsPerSecond: 2 });
    for (let i = 0; i < 50; i += 1) core.decide(spread(i), true, 0, noSample);
    expect(text(core.decide(spread(1), false, 0, noSample))).to.equal('accept');
  });

  it('answer a flood with a bounded number of Retries', () => {
    const core = limits({ retryAboveInitialsPerSecond: 0, maxRetriesPerSecond: 2500 });
    let retries = 0;
    let dropped = 0;
    for (let i = 0; i < 100_000; i += 1) {
      const decision = text(core.decide(spread(i % 60_000), false, i / 10, noSample));
      if (decision === 'retry') retries += 1;
      if (decision === 'retries') dropped += 1;
    }
    expect(retries).to.be.within(20_000, 27_500);
    expect(retries + dropped).to.equal(100_000);
    expect(core.trackedPrefixes).to.equal(0);
  });

  it('never let spoofed Initials of a host or network lock out its honest hosts', () => {
    const core = limits({ retryAboveHalfOpen: 1000, maxHalfOpen: 10_000, maxHalfOpenPerHost: 16, maxHalfOpenPerNetwork: 64 });
    const victim = from('203.0.113.5');
    let accepted = 0;
    for (let i = 0; i < 500; i += 1) {
      const decision = text(core.decide(victim, false, i * 100, noSample));
      expect(decision).to.be.oneOf(['accept', 'retry']);
      if (decision !== 'accept') continue;
      core.opened(victim, false);
      accepted += 1;
    }
    expect(accepted).to.equal(16);
    expect(text(core.decide(victim, true, 50_000, noSample))).to.equal('accept');
    for (let i = 0; i < 200; i += 1) core.opened(from(`203.0.113.${i}`), false);
    expect(text(core.decide(from('203.0.113.250'), false, 60_000, noSample))).to.equal('retry');
    expect(text(core.decide(from('203.0.113.250'), true, 60_000, noSample))).to.equal('accept');
  });

  it('keep half of the half-open room for proven addresses whatever the threshold says', () => {
    const core = limits({ retryAboveHalfOpen: 5000, maxHalfOpen: 100 });
    let accepted = 0;
    for (let i = 0; i < 200; i += 1) {
      if (text(core.decide(spread(i), false, i * 100, noSample)) !== 'accept') continue;
      core.opened(spread(i), false);
      accepted += 1;
    }
    expect(accepted).to.equal(50);
    expect(text(core.decide(spread(300), true, 0, noSample))).to.equal('accept');
  });

  const proven: [string, SocketAddress, SocketAddress, SocketAddress][] = [
    ['IPv4', from('198.51.100.1'), from('198.51.100.2'), from('198.51.101.1')],
    ['IPv6', from('2001:db8:1:2::1'), from('2001:db8:1:3::1'), from('2001:db8:2::1')],
  ];
  for (const [family, host, neighbour, stranger] of proven) {
    it(`hold proven ${family} handshakes to the limits per host and network`, () => {
      const core = limits({ maxHalfOpenPerHost: 3, maxHalfOpenPerNetwork: 5 });
      openProven(core, host, 3);
      expect(text(core.decide(host, true, 0, noSample))).to.equal('half-open-host');
      expect(text(core.decide({ ...host, port: 1 }, true, 0, noSample))).to.equal('half-open-host');
      expect(text(core.decide(neighbour, true, 0, noSample))).to.equal('accept');
      openProven(core, neighbour, 2);
      expect(text(core.decide(neighbour, true, 0, noSample))).to.equal('half-open-network');
      expect(text(core.decide(stranger, true, 0, noSample))).to.equal('accept');
      core.failed(host, true);
      expect(text(core.decide(host, true, 0, noSample))).to.equal('accept');
    });
  }

  it('count the addresses of one IPv6 /64 as one host', () => {
    const core = limits({ maxHalfOpenPerHost: 2 });
    core.opened(from('2001:db8::1'), true);
    core.opened(from('2001:db8::abcd:2'), true);
    expect(text(core.decide(from('2001:db8::3'), true, 0, noSample))).to.equal('half-open-host');
  });

  it('drop proven Initials when all half-open room is taken', () => {
    const core = limits({ maxHalfOpen: 10 });
    for (let i = 0; i < 10; i += 1) core.opened(spread(i), true);
    expect(text(core.decide(spread(11), true, 0, noSample))).to.equal('half-open');
    expect(core.halfOpen).to.equal(10);
  });

  it('drop Initials when all connections are taken, and accept again when one closed', () => {
    const core = limits({ maxConnections: 3 });
    for (let i = 0; i < 3; i += 1) core.dialled(spread(i));
    expect(text(core.decide(spread(9), false, 0, noSample))).to.equal('connections');
    expect(text(core.decide(spread(9), true, 0, noSample))).to.equal('connections');
    core.closed(spread(0));
    expect(core.connections).to.equal(2);
    expect(text(core.decide(spread(9), false, 0, noSample))).to.equal('accept');
    core.opened(spread(9), true);
    expect(text(core.decide(spread(10), false, 0, noSample))).to.equal('retry');
    expect(text(core.decide(spread(10), true, 0, noSample))).to.equal('connections');
  });

  const prefixes: [string, string, string][] = [
    ['hold public networks to', '198.51.100.1', 'connections-prefix'],
    ['exempt loopback from', '127.0.0.1', 'accept'],
    ['exempt private networks from', '10.1.2.3', 'accept'],
    ['exempt unique local IPv6 networks from', 'fd00::1', 'accept'],
    ['exempt link-local IPv6 from', 'fe80::1', 'accept'],
  ];
  for (const [name, host, decision] of prefixes) {
    it(`${name} the connections per prefix`, () => {
      const core = limits({ maxConnectionsPerPrefix: 2, maxHalfOpenPerHost: 10 });
      core.opened(from(host), true);
      core.established(from(host), true);
      core.opened(from(host), true);
      expect(text(core.decide(from(host), true, 0, noSample))).to.equal(decision);
      expect(text(core.decide(from(host), false, 0, noSample))).to.equal(decision === 'accept' ? 'accept' : 'retry');
    });
  }

  it('take memory only for what is open', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ host: fc.nat(400), proven: fc.boolean(), fails: fc.boolean() }), { maxLength: 200 }), (handshakes) => {
        const core = limits();
        for (const { host, proven: shown } of handshakes) core.opened(spread(host), shown);
        expect(core.halfOpen).to.equal(handshakes.length);
        expect(core.trackedPrefixes).to.be.at.most(4 * handshakes.length);
        for (const { host, proven: shown, fails } of handshakes) {
          if (fails) core.failed(spread(host), shown);
          else core.established(spread(host), shown);
        }
        for (const { host, fails } of handshakes) if (!fails) core.closed(spread(host));
        expect([core.halfOpen, core.connections, core.trackedPrefixes]).to.deep.equal([0, 0, 0]);
      }),
      { numRuns: 30 },
    );
  });
});

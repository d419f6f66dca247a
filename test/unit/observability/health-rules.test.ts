import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { HealthFacts } from '../../../src/lib/observability/health-facts.js';
import { judgeHealth } from '../../../src/lib/observability/health-rules.js';
import { warningCatalogue, warningCodes, type WarningEntry } from '../../../src/lib/observability/warning-catalogue.js';
import { wellFacts as well } from '../../support/health-facts.js';

const mib = 1024 * 1024;
const alone = { hasJoined: false, connectedPeers: 0 };

describe('health', () => {
  const ready: [string, Partial<HealthFacts>, { live: boolean; failing: string[] }][] = [
    ['of a node that is well', {}, { live: true, failing: [] }],
    ['while it starts', { phase: 'starting', socketBound: false, storeOpen: false }, { live: true, failing: ['started', 'socket', 'store'] }],
    ['while it stops', { phase: 'stopping' }, { live: true, failing: ['started'] }],
    ['without its socket', { socketBound: false }, { live: true, failing: ['socket'] }],
    ['without its store', { storeOpen: false }, { live: true, failing: ['store'] }],
    ['with a store that takes no writes', { storeFailure: 'no space left' }, { live: true, failing: ['store'] }],
    ['of the first node of a mesh', { ...alone, bootstrapNodes: 0, knownPeers: 0, uptimeMs: 0 }, { live: true, failing: [] }],
    ['of a first node that others joined', { ...alone, connectedPeers: 1, bootstrapNodes: 0, knownPeers: 0 }, { live: true, failing: [] }],
    ['before any bootstrap node is reached', { ...alone, knownPeers: 0, uptimeMs: 0 }, { live: true, failing: ['mesh'] }],
    ['with bootstrap nodes that are not reached for long', { ...alone, uptimeMs: 86_400_000 }, { live: true, failing: ['mesh'] }],
    ['while peers from earlier are looked for', { ...alone, bootstrapNodes: 0, uptimeMs: 29_999 }, { live: true, failing: ['mesh'] }],
    ['once no peer from earlier came', { ...alone, bootstrapNodes: 0, uptimeMs: 30_000 }, { live: true, failing: [] }],
    ['after everybody else left', { connectedPeers: 0 }, { live: true, failing: [] }],
  ];
  for (const [name, facts, expected] of ready) {
    it(name, () => {
      const { live, ready: isReady, checks } = judgeHealth({ ...well, ...facts });
      const failing = checks.filter((check) => !check.ok).map((check) => check.name);
      expect({ live, failing, ready: isReady }).to.deep.equal({ ...expected, ready: expected.failing.length === 0 });
    });
  }

  it('of a node with a part that failed for good: neither live nor ready, though every check is met', () => {
    const { live, ready: isReady, checks } = judgeHealth({ ...well, failure: 'the endpoint failed 5 times in 10 s' });
    expect([live, isReady, checks.every(({ ok }) => ok)]).to.deep.equal([false, false, true]);
  });
});

describe('warnings', () => {
  const table: [string, Partial<HealthFacts>, string[]][] = [
    ['of a node that is well: none', {}, []],
    ['after a part failed for good', { failure: 'gone' }, ['high part-failed']],
    ['while the store takes no writes', { storeFailure: 'no space left' }, ['high store-failing']],
    ['after the store was moved aside', { storeSetAside: true }, ['high store-set-aside']],
    ['alone for a moment', { connectedPeers: 0, uptimeMs: 29_999 }, []],
    ['alone for long', { connectedPeers: 0, uptimeMs: 30_000 }, ['medium no-peers']],
    ['alone for long with peers known from earlier only', { connectedPeers: 0, bootstrapNodes: 0 }, ['medium no-peers']],
    ['alone because there is nobody', { connectedPeers: 0, bootstrapNodes: 0, knownPeers: 0 }, []],
    ['alone while it stops', { connectedPeers: 0, phase: 'stopping' }, []],
    ['with a configured peer of another realm', { refusedPeer: { target: '192.0.2.1:4433', code: 'MACULA_REALM_MISMATCH' } }, ['medium peer-refused']],
    ['30 days before the certificate expires', { certificateDaysLeft: 30 }, []],
    ['under 30 days before', { certificateDaysLeft: 29.9 }, ['medium certificate-expires']],
    ['under 7 days before', { certificateDaysLeft: 6.9 }, ['high certificate-expires']],
    ['after the certificate expired', { certificateDaysLeft: -1 }, ['high certificate-expires']],
    ['without a relay for a moment', { relaylessForMs: 29_999 }, []],
    ['without a relay for long', { relaylessForMs: 30_000 }, ['medium relays-lost']],
    ['with UDP blocked', { natBlocked: true }, ['medium nat-blocked']],
    ['with clocks under a minute apart', { peerClocksAheadMs: [59_999, 59_999] }, []],
    ['with clocks a minute apart', { peerClocksAheadMs: [60_000, 60_000] }, ['medium clock-skew']],
    ['with clocks five minutes apart, behind', { peerClocksAheadMs: [-300_000] }, ['high clock-skew']],
    ['with one peer of many that has a wrong clock', { peerClocksAheadMs: [86_400_000, 10, -10] }, []],
    ['with no peer to compare clocks with', { peerClocksAheadMs: [] }, []],
    ['with 512 MiB of disk', { diskFreeBytes: 512 * mib }, []],
    ['with less', { diskFreeBytes: 512 * mib - 1 }, ['medium disk-low']],
    ['with less than 64 MiB', { diskFreeBytes: 64 * mib - 1 }, ['high disk-low']],
    ['with a disk nothing is known of', { diskFreeBytes: undefined }, []],
    ['with 80 % of the descriptors open', { descriptors: { open: 80, limit: 100 } }, []],
    ['with more', { descriptors: { open: 81, limit: 100 } }, ['medium descriptors-low']],
    ['with more than 95 %', { descriptors: { open: 96, limit: 100 } }, ['high descriptors-low']],
    ['with half the receive buffer', { receiveBuffer: { wantedBytes: 1000, grantedBytes: 500 } }, []],
    ['with less than half', { receiveBuffer: { wantedBytes: 1000, grantedBytes: 499 } }, ['low socket-buffers-small']],
    ['with datagrams lost now and then', { lostPerSecond: 9.9 }, []],
    ['with many lost', { lostPerSecond: 10 }, ['medium datagrams-lost']],
    ['with some unwanted datagrams', { unwantedPerSecond: 99 }, []],
    ['in a flood', { unwantedPerSecond: 100 }, ['low datagrams-unwanted']],
    ['come with the worst first', { unwantedPerSecond: 100, natBlocked: true, storeSetAside: true }, ['high store-set-aside', 'medium nat-blocked', 'low datagrams-unwanted']],
  ];
  for (const [name, facts, expected] of table) {
    it(name, () => {
      expect(judgeHealth({ ...well, ...facts }).warnings.map(({ severity, code }) => `${severity} ${code}`)).to.deep.equal(expected);
    });
  }

  it('are each given by a case of the table, with every severity of the catalogue', () => {
    const shown = new Set(table.flatMap(([, , expected]) => expected));
    const catalogued = warningCodes.flatMap((code) => (warningCatalogue[code] as WarningEntry).severities.map((severity) => `${severity} ${code}`));
    expect([...shown].sort()).to.deep.equal(catalogued.sort());
  });

  it('say what is the case here, and what to do', () => {
    const of = (facts: Partial<HealthFacts>): string => judgeHealth({ ...well, ...facts }).warnings.map(({ message, fix }) => `${message} ${fix}`).join();
    expect(of({ certificateDaysLeft: 6.9 })).to.match(/^The certificate expires in 6 days\. Renew it with `macula cert init/);
    expect(of({ certificateDaysLeft: -0.5 })).to.contain('has expired');
    expect(of({ peerClocksAheadMs: [90_000] })).to.contain('90 s behind');
    expect(of({ peerClocksAheadMs: [-90_000] })).to.contain('90 s ahead of');
    expect(of({ diskFreeBytes: 5.5 * mib })).to.contain('5 MiB free');
    expect(of({ refusedPeer: { target: '192.0.2.1:4433', code: 'MACULA_REALM_MISMATCH' } })).to.contain('192.0.2.1:4433').and.contain('MACULA_REALM');
  });

  it('name only settings there are in their fixes', () => {
    const page = readFileSync(new URL('../../../docs/CONFIGURATION.md', import.meta.url), 'utf8');
    for (const code of warningCodes) for (const [name] of warningCatalogue[code].fix.matchAll(/MACULA_[A-Z_]+/g)) expect(page, `${code}: ${name}`).to.contain(`\`${name}\``);
  });
});

import { expect } from 'chai';
import { judgeHealth, type HealthFacts } from '../../../src/lib/observability/health-rules.js';

const well: HealthFacts = {
  phase: 'started',
  failure: undefined,
  socketBound: true,
  storeOpen: true,
  storeFailure: undefined,
  storeSetAside: false,
  connectedPeers: 1,
  expectsPeers: true,
  uptimeMs: 3_600_000,
  certificateDaysLeft: 3650,
};

describe('health', () => {
  const cases: [string, Partial<HealthFacts>, { live: boolean; ready: boolean; failing: string[]; warnings: string[] }][] = [
    ['of a node that is well', {}, { live: true, ready: true, failing: [], warnings: [] }],
    ['while it starts', { phase: 'starting', socketBound: false, storeOpen: false }, { live: true, ready: false, failing: ['started', 'socket', 'store'], warnings: [] }],
    ['while it stops', { phase: 'stopping' }, { live: true, ready: false, failing: ['started'], warnings: [] }],
    ['without its socket', { socketBound: false }, { live: true, ready: false, failing: ['socket'], warnings: [] }],
    ['without its store', { storeOpen: false }, { live: true, ready: false, failing: ['store'], warnings: [] }],
    ['with a store that takes no writes', { storeFailure: 'no space left' }, { live: true, ready: false, failing: ['store'], warnings: [] }],
    ['after a part failed for good', { failure: 'the endpoint failed 5 times in 10 s' }, { live: false, ready: false, failing: [], warnings: ['high part-failed'] }],
    ['after the store was moved aside', { storeSetAside: true }, { live: true, ready: true, failing: [], warnings: ['high store-set-aside'] }],
    ['alone for a moment', { connectedPeers: 0, uptimeMs: 29_999 }, { live: true, ready: true, failing: [], warnings: [] }],
    ['alone for long', { connectedPeers: 0, uptimeMs: 30_000 }, { live: true, ready: true, failing: [], warnings: ['medium no-peers'] }],
    ['alone on purpose', { connectedPeers: 0, expectsPeers: false }, { live: true, ready: true, failing: [], warnings: [] }],
    ['alone while it stops', { connectedPeers: 0, phase: 'stopping' }, { live: true, ready: false, failing: ['started'], warnings: [] }],
    ['30 days before the certificate expires', { certificateDaysLeft: 30 }, { live: true, ready: true, failing: [], warnings: [] }],
    ['under 30 days before', { certificateDaysLeft: 29.9 }, { live: true, ready: true, failing: [], warnings: ['medium certificate-expires'] }],
    ['under 7 days before', { certificateDaysLeft: 6.9 }, { live: true, ready: true, failing: [], warnings: ['high certificate-expires'] }],
    ['after the certificate expired', { certificateDaysLeft: -1 }, { live: true, ready: true, failing: [], warnings: ['high certificate-expires'] }],
  ];
  for (const [name, facts, expected] of cases) {
    it(name, () => {
      const { live, ready, checks, warnings } = judgeHealth({ ...well, ...facts });
      const failing = checks.filter((check) => !check.ok).map((check) => check.name);
      expect({ live, ready, failing, warnings: warnings.map((each) => `${each.severity} ${each.code}`) }).to.deep.equal(expected);
    });
  }

  it('says in how many whole days the certificate expires', () => {
    const message = (certificateDaysLeft: number): string | undefined => judgeHealth({ ...well, certificateDaysLeft }).warnings[0]?.message;
    expect(message(6.9)).to.contain('expires in 6 days');
    expect(message(-0.5)).to.contain('has expired');
  });
});

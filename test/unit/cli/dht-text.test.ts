import { expect } from 'chai';
import { nodesText, providersText, storeText, traceStepText, traceSummaryText } from '../../../src/cli/dht-text.js';
import { poolText } from '../../../src/cli/pool-text.js';

const nodeId = 'ab'.repeat(32);
const keyHash = 'cd'.repeat(32);
const stored = { key: 'motd', keyHash, replicas: 3, target: 4, quorum: 3, seq: 7, expiresAt: '2030-01-01T00:00:00.000Z', durationMs: 12 };

describe('what DHT commands tell people', () => {
  it('a write says on how many replicas it is, of how many, and until when', () => {
    expect(storeText('stored', stored)).to.equal('stored motd on 3 of 4 replicas, 3 needed, seq 7, until 2030-01-01T00:00:00.000Z, in 12.0 ms');
    expect(storeText('deleted', stored)).to.equal('deleted motd on 3 of 4 replicas, 3 needed, seq 7, in 12.0 ms');
  });

  it('a write on this node alone says so', () => {
    expect(storeText('stored', { ...stored, replicas: 1, target: 1, quorum: 1 })).to.include('on 1 of 1 replicas (no other node is in reach)');
  });

  it('a name cannot move the cursor', () => {
    expect(storeText('stored', { ...stored, key: 'a\u001b[2J' })).to.include('a\\x1b[2J');
  });

  it('a step of a trace says who was asked, when, for how long, and whether it holds the key', () => {
    const step = { hop: 2, nodeId, startedMs: 5, durationMs: 3, outcome: 'answered' as const, holds: true, returned: 20 };
    expect(traceStepText(step)).to.equal('hop 2  +5.00 ms  abababab: 3.00 ms, named 20, holds it');
    expect(traceStepText({ ...step, holds: false, durationMs: null, outcome: 'failed', returned: 0 })).to.equal('hop 2  +5.00 ms  abababab: failed');
  });

  it('a trace ends with the holders', () => {
    const summary = { key: 'motd', keyHash, holders: [nodeId], closest: [nodeId], hops: 2, queried: 5, durationMs: 20 };
    expect(traceSummaryText(summary)).to.equal(`${keyHash}\nheld by 1: abababab\n5 asked, 2 hops, 20.0 ms`);
    expect(traceSummaryText({ ...summary, holders: [] })).to.include('nobody holds it');
  });

  it('providers and nodes are tables', () => {
    expect(providersText({ name: 'x', kind: 'topic', keyHash, providers: [{ nodeId, seq: 1, expiresAt: 'soon' }], source: 'cache', hops: 0, queried: 0, durationMs: 0 }).split('\n')).to.have.length(2);
    expect(nodesText({ nodes: [] })).to.equal('no other nodes known yet');
    const table = nodesText({ nodes: [{ nodeId, addresses: ['127.0.0.1:1'], reachability: 'public', bucket: 3, rttMs: null, connected: true, lastSeenSeconds: 2 }] });
    expect(table.split('\n')[1]).to.match(/^abababababababab +3 +public +- +yes +2s +127\.0\.0\.1:1$/);
  });

  it('the pool is a few lines, and a table of its connections where they were asked for', () => {
    const stats = { size: 1, max: 1000, hits: 3, misses: 1, hitRate: 0.75, dials: 1, evictions: { lru: 1, idle: 2, failed: 3 } };
    expect(poolText(stats)).to.include('3 of 4 (75.0 %)').and.to.include('1 least recently used, 2 idle, 3 failed');
    const health = { status: 'failing' as const, consecutiveFailures: 2, lastSuccessSecondsAgo: null, rttMs: 4 };
    const table = poolText({ ...stats, connections: [{ nodeId, state: 'in-use', path: 'relay', idleSeconds: 61, inFlight: 2, health }] });
    expect(table.split('\n').at(-1)).to.match(/^abababababababab +in-use +relay +1m 1s +2 +failing, 2 failures in a row, 4\.00 ms$/);
  });
});

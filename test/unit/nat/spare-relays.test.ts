import { expect } from 'chai';
import { superfluousRelays } from '../../../src/lib/nat/spare-relays.js';
import type { PathStatus } from '../../../src/lib/transport/endpoint.js';

const nowMs = 1_000_000;
const base = { state: 'usable', selected: false, rttMs: 10, lastSeenMs: nowMs, usableSinceMs: nowMs - 60_000, bytesSent: 0, bytesReceived: 0 } as const;

/** A way through the relay named by the first letter. */
function via(name: string, changes: Partial<PathStatus> = {}): PathStatus {
  return { ...base, route: { kind: 'relay', relay: name[0]!, via: { host: '203.0.113.1', port: 4433 }, sessionId: name }, ...changes };
}

const direct: PathStatus = { ...base, selected: true, route: { kind: 'direct', address: { host: '198.51.100.1', port: 4433 } } };
const inUse = { selected: true };

describe('ways through relays that a connection can do without', () => {
  const cases: [string, PathStatus[], string[]][] = [
    ['none of two', [via('a1', inUse), via('b1')], []],
    ['none of two beside a direct path', [direct, via('a1'), via('b1')], []],
    ['the second one of a relay rather than that of another relay, though it is faster', [via('a1', inUse), via('a2', { rttMs: 1 }), via('b1')], ['a2']],
    ['the slower ones of what is in reserve', [via('a1', inUse), via('b1', { rttMs: 20 }), via('c1', { rttMs: 5 }), via('d1', { rttMs: 30 })], ['b1', 'd1']],
    ['all but two beside a direct path', [direct, via('a1'), via('a2'), via('b1'), via('b2'), via('c1', { rttMs: 30 }), via('c2', { rttMs: 30 })], ['a2', 'b2', 'c1', 'c2']],
    ['none that the peer sends by, though it is slower', [via('a1', { ...inUse, lastPacketMs: nowMs - 3000 }), via('b1'), via('c1', { rttMs: 20, lastPacketMs: nowMs - 1000 })], ['b1']],
    ['one that it sends by while in doubt, as by the one in use', [via('a1', { ...inUse, lastPacketMs: nowMs - 1900 }), via('b1'), via('c1', { rttMs: 20, lastPacketMs: nowMs - 1000 })], ['c1']],
    ['none that the peer sends by while this end has a direct path', [{ ...direct, lastPacketMs: nowMs - 9000 }, via('a1'), via('b1'), via('c1', { rttMs: 30, lastPacketMs: nowMs })], ['b1']],
    ['what does not answer, where enough others do', [via('a1', inUse), via('b1'), via('c1', { state: 'failed' })], ['c1']],
    ['not what does not answer, where too few do', [via('a1', inUse), via('b1', { state: 'failed' }), via('c1', { state: 'failed' })], []],
    ['nothing while the way in use does not answer', [via('a1', { ...inUse, state: 'failed' }), via('b1'), via('c1'), via('d1')], []],
    ['nothing while one has only just come', [via('a1', inUse), via('b1'), via('c1', { usableSinceMs: nowMs - 4999 })], []],
    ['nothing that is yet to answer', [via('a1', inUse), via('b1'), via('c1', { state: 'candidate', rttMs: undefined, usableSinceMs: undefined })], []],
  ];
  for (const [name, paths, expected] of cases) {
    it(`are ${name}`, () => expect(superfluousRelays(paths, 2, nowMs).map(({ sessionId }) => sessionId)).to.deep.equal(expected));
  }
});

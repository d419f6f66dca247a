import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import type { Peer } from '../../../src/lib/control/protocol.js';
import { judgeBoundPort, judgeControlSocket, judgeNat, judgePeers, judgeRelay, judgeVersion, judgeWarnings } from '../../../src/lib/doctor/node-checks.js';
import { judgeBootstrap, type Reach } from '../../../src/lib/doctor/reach-checks.js';
import { judgeRunningStore, judgeStore } from '../../../src/lib/doctor/store-checks.js';
import { status } from '../../integration/control/fixture.js';

function peer(over: Partial<Peer>): Peer {
  return {
    nodeId: 'ab'.repeat(32), address: '192.0.2.1:4433', path: 'direct', relay: null, direction: 'out', rttMs: 1, state: 'connected', connectedSeconds: 1,
    bytesSent: 0, bytesReceived: 0, relayedBytesSent: 0, relayedBytesReceived: 0, error: null, ...over,
  };
}

describe('what doctor makes of the node', () => {
  it('tells a missing node (a warning) from one that does not answer and a socket of somebody else (failures)', () => {
    const judged = (code: 'MACULA_NO_NODE' | 'MACULA_NODE_NOT_ANSWERING' | 'MACULA_CONTROL_REFUSED'): object =>
      judgeControlSocket('/s', undefined, new MaculaError(code, 'no node is running for /d; start one', { hint: 'do this' }), undefined);
    expect(judged('MACULA_NO_NODE')).to.include({ status: 'warning', summary: 'no node is running for /d', fix: 'macula node start' });
    expect(judged('MACULA_NODE_NOT_ANSWERING')).to.include({ status: 'failure', fix: 'do this' });
    expect(judged('MACULA_CONTROL_REFUSED')).to.include({ status: 'failure', fix: 'do this' });
  });

  it('fails where other users may command the node', () => {
    expect(judgeControlSocket('/s', status, undefined, 0o600).status).to.equal('ok');
    expect(judgeControlSocket('/s', status, undefined, 0o666)).to.include({ status: 'failure', fix: 'chmod 600 /s' });
  });

  it('warns of a node of another version', () => {
    expect(judgeVersion('1.0.0', undefined).status).to.equal('ok');
    expect(judgeVersion('1.0.0', '1.0.0').status).to.equal('ok');
    expect(judgeVersion('1.0.1', '1.0.0')).to.include({ status: 'warning', summary: 'the node runs Macula 1.0.0, this command is 1.0.1' });
  });

  it('fails where the node has no socket', () => {
    expect(judgeBoundPort([{ host: '::', port: 4433 }])).to.include({ status: 'ok', summary: 'the node listens on udp [::]:4433' });
    expect(judgeBoundPort([]).status).to.equal('failure');
  });

  it('shows each warning of the node with its code and its fix, high ones as failures', () => {
    const warnings = [
      { code: 'no-peers', severity: 'medium', message: 'nobody', fix: 'macula peers list' },
      { code: 'store-set-aside', severity: 'high', message: 'moved', fix: 'check the disk' },
    ] as const;
    expect(judgeWarnings(warnings)).to.deep.equal([
      { id: 'health:no-peers', status: 'warning', summary: 'nobody', fix: 'macula peers list' },
      { id: 'health:store-set-aside', status: 'failure', summary: 'moved', fix: 'check the disk' },
    ]);
  });

  const refused = peer({ state: 'refused', path: null, error: 'MACULA_REALM_MISMATCH: another realm' });
  const waiting = peer({ state: 'waiting', path: null, error: 'MACULA_UNREACHABLE: 192.0.2.1:4433 does not answer' });
  const peerTable: [what: string, peers: Peer[], bootstrap: boolean, status: string, summary: RegExp][] = [
    ['counts paths', [peer({}), peer({ path: 'relay' }), waiting], true, 'ok', /^2 connected: 1 directly, 1 through relays$/],
    ['says why all refuse', [refused], true, 'failure', /MACULA_REALM_MISMATCH/],
    ['says why none answers', [waiting], true, 'warning', /does not answer/],
    ['takes a node alone for well where nobody was named', [], false, 'ok', /alone/],
    ['does not where somebody was', [], true, 'warning', /no peer is connected/],
  ];
  for (const [what, peers, bootstrap, wanted, summary] of peerTable) {
    it(`peers: ${what}`, () => {
      const check = judgePeers(peers, bootstrap);
      expect(check.status).to.equal(wanted);
      expect(check.summary).to.match(summary);
    });
  }

  const nat = (type: string, filtering = 'endpoint-independent'): Parameters<typeof judgeNat>[0] => ({ nat: { type, mapping: 'endpoint-independent', filtering } as never, publicAddress: null });
  it('NAT: fails where UDP is blocked, warns where a firewall or a symmetric NAT stands in the way', () => {
    expect(judgeNat({ nat: null, publicAddress: null }).status).to.equal('ok');
    expect(judgeNat(nat('none')).status).to.equal('ok');
    expect(judgeNat(nat('none', 'address-and-port-dependent')).status).to.equal('warning');
    expect(judgeNat(nat('port-restricted', 'address-and-port-dependent')).status).to.equal('ok');
    expect(judgeNat(nat('symmetric')).status).to.equal('warning');
    expect(judgeNat(nat('blocked')).status).to.equal('failure');
  });

  it('relay: warns where the NAT lets nobody in and there is none, with what keeps it from having one', () => {
    const peers = { connected: 1, direct: 1, relayed: 0 };
    const behind = { ...nat('port-restricted'), relays: [], peers };
    expect(judgeRelay({ ...behind, nat: null }, 'auto').status).to.equal('ok');
    expect(judgeRelay({ ...behind, relays: ['ab'.repeat(32)] }, 'auto')).to.include({ status: 'ok', summary: 'reachable through 1 relay: abababab' });
    expect(judgeRelay(behind, 'auto').summary).to.include('no peer relays');
    expect(judgeRelay(behind, 'never').fix).to.include('MACULA_RELAY_USE=auto');
    expect(judgeRelay({ ...behind, peers: { connected: 0, direct: 0, relayed: 0 } }, 'auto').summary).to.include('no peer that could relay');
  });

  it('bootstrap: all silent fail unless there are peers, some silent warn, each with its reason', () => {
    const answers: Reach = { url: 'https://a:4433', nodeId: 'ab'.repeat(32), durationMs: 12.4, error: undefined };
    const silent: Reach = { url: 'https://b:4433', nodeId: undefined, durationMs: 1, error: 'does not answer' };
    expect(judgeBootstrap([], false)).to.equal(undefined);
    expect(judgeBootstrap([answers], false)).to.include({ status: 'ok', summary: 'https://a:4433 answers as abababab after 12 ms' });
    expect(judgeBootstrap([answers, silent], false)).to.include({ status: 'warning' }).and.to.have.property('summary').that.includes('https://b:4433: does not answer');
    expect(judgeBootstrap([silent], true)!.status).to.equal('warning');
    expect(judgeBootstrap([silent], false)!.status).to.equal('failure');
  });

  it('store: a damaged one and one that takes no writes fail', () => {
    expect(judgeStore('/s', { kind: 'absent' }).status).to.equal('ok');
    expect(judgeStore('/s', { kind: 'whole' }).status).to.equal('ok');
    expect(judgeStore('/s', { kind: 'damaged', reason: 'a checksum does not match' })).to.include({ status: 'failure' }).and.to.have.property('summary').that.includes('a checksum does not match');
    expect(judgeStore('/s', { kind: 'environment', errno: 13, reason: 'denied' }).status).to.equal('warning');
    expect([judgeRunningStore(undefined), judgeRunningStore(true)?.status, judgeRunningStore(false)?.status]).to.deep.equal([undefined, 'ok', 'failure']);
  });
});

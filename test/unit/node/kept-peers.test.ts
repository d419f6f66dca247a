import { expect } from 'chai';
import { keptPeers } from '../../../src/lib/node/kept-peers.js';
import type { PeerInfo } from '../../../src/lib/peers/peer-info.js';

function peer(nodeId: string, connectedSeconds: number, some: Partial<PeerInfo> = {}): PeerInfo {
  return {
    nodeId, connectedSeconds, address: undefined, path: 'direct', relay: undefined, direction: 'out', rttMs: undefined, state: 'connected',
    bytesSent: 0, bytesReceived: 0, relayedBytesSent: 0, relayedBytesReceived: 0, origin: 'learned', lastError: undefined, ...some,
  };
}

describe('peers whose connections the pool leaves alone', () => {
  it('are those connected for longest, as many as the node would dial again', () => {
    expect(keptPeers([peer('new', 1), peer('old', 9), peer('middle', 5)], 2)).to.deep.equal(['old', 'middle']);
  });

  it('are above all those configured and wanted, however many', () => {
    const peers = [peer('learned', 9), peer('configured', 1, { origin: 'configured' }), peer('wanted', 2, { origin: 'wanted' })];
    expect(keptPeers(peers, 1)).to.deep.equal(['wanted', 'configured']);
    expect(keptPeers(peers, 3)).to.deep.equal(['wanted', 'configured', 'learned']);
  });

  it('are connected', () => {
    expect(keptPeers([peer('waiting', 0, { state: 'waiting', origin: 'configured' }), peer('there', 1)], 5)).to.deep.equal(['there']);
  });
});

import { expect } from 'chai';
import { describeInLab } from '../support/network-lab.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';
import { peerAt, pingAll, untilPeer } from '../support/node-watch.js';
import { outsideAddress, publicAddress, RoutedPair } from '../support/routed-pair.js';

describeInLab('a connection through a NAT that rebinds', function () {
  this.timeout(60_000);
  let pair: RoutedPair;
  let farm: NodeFarm;
  let inside: NodeProcess;
  let outside: NodeProcess;
  let port = 20_000;

  before(async () => {
    pair = new RoutedPair();
    farm = new NodeFarm();
    pair.mapTo(port);
    outside = await farm.start('outside', { netns: pair.outside.netns, port: 4433 });
    inside = await farm.start('inside', { netns: pair.inside.netns, port: 4433, bootstrap: [`https://${outsideAddress}:4433`], env: { MACULA_KEEPALIVE_INTERVAL: '1s' } });
    await Promise.all([inside.untilConnectedTo([outside.nodeId]), outside.untilConnectedTo([inside.nodeId])]);
  });

  after(async () => {
    await farm?.close();
    pair?.close();
  });

  function rebind(): void {
    port += 1;
    pair.mapTo(port);
  }

  /** Runs something and asserts that both ends still have the connection they had before. */
  async function onOneConnection(run: () => Promise<void>): Promise<void> {
    const ages = async () => [(await peerAt(inside, outside.nodeId)).connectedSeconds, (await peerAt(outside, inside.nodeId)).connectedSeconds] as const;
    const before = await ages();
    await run();
    const now = await ages();
    // A connection made meanwhile would be younger than the one before.
    for (const end of [0, 1] as const) expect(now[end], `age of the connection at end ${end}`).to.be.greaterThan(before[end]);
  }

  it('is seen at the port that the NAT gave it', async () => {
    expect((await peerAt(outside, inside.nodeId)).address).to.equal(`${publicAddress}:${port}`);
    const [answer] = await pingAll(outside, inside.nodeId, { count: 1 });
    expect(answer).to.include({ path: 'direct', via: `${publicAddress}:${port}` });
  });

  it('goes on, losing nothing, while the dialler gets five new ports under pings both ways (HARDENING 9)', async () => {
    await onOneConnection(async () => {
      const after = ({ seq }: { seq: number }): void => {
        if (seq % 20 === 0) rebind();
      };
      await Promise.all([pingAll(inside, outside.nodeId, { count: 119, after }), pingAll(outside, inside.nodeId, { count: 119 })]);
      expect(port).to.equal(20_005);
      const [answer] = await pingAll(outside, inside.nodeId, { count: 1 });
      expect(answer).to.include({ path: 'direct', via: `${publicAddress}:${port}` });
    });
  });

  it('goes on when it was idle: the keepalive of the side behind the NAT shows the other the new port (HARDENING 9)', async () => {
    await onOneConnection(async () => {
      rebind();
      const moved = await untilPeer(outside, inside.nodeId, ({ address }) => address === `${publicAddress}:${port}`);
      expect(moved.state).to.equal('connected');
      await pingAll(outside, inside.nodeId, { count: 5 });
    });
  });
}, 'conntrack');

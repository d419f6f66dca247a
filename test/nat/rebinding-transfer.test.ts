import { expect } from 'chai';
import { describeInLab } from '../support/network-lab.js';
import { RebindingPair } from '../support/rebinding-pair.js';

const rebindings = 5;
/** Of the stream that must arrive, each way, on each port of the NAT. */
const bytesEach = 500_000;

describeInLab('calls and streams both ways through a NAT that rebinds', function () {
  this.timeout(60_000);
  let pair: RebindingPair;

  before(async () => {
    pair = new RebindingPair();
    await pair.start();
  });

  after(() => pair?.close());

  it('go on over one connection, nothing lost, repeated or altered (HARDENING 9)', async () => {
    await Promise.all([pair.begin(pair.a), pair.begin(pair.b)]);
    await pair.expectSameConnection();
    const wanted = { a: 0, b: 0 };
    for (;;) {
      for (const name of ['a', 'b'] as const) {
        const { receivedBytes } = await pair.until(`bytes arrive at ${name}`, (progress) => progress.receivedBytes > wanted[name], pair[name]);
        wanted[name] = receivedBytes + bytesEach;
      }
      await pair.until('packets come from the new port', ({ address }) => address === pair.address, pair.b);
      if (pair.rebindings === rebindings) break;
      pair.rebind();
    }
    await pair.expectSameConnection();
    for (const side of [pair.a, pair.b]) expect((await pair.finish(side)).streamBytes).to.be.greaterThan(rebindings * bytesEach);
  });
}, 'conntrack');

import { expect } from 'chai';
import { recentInterfaces, type NetworkInterfaces } from '../../../src/lib/base/network-interfaces.js';
import { VirtualClock } from '../../support/virtual-clock.js';

describe('recent network interfaces', () => {
  it('are read anew when the last reading is too old, and are the same object until then', () => {
    const clock = new VirtualClock();
    const readings: NetworkInterfaces[] = [{}, {}];
    let reads = 0;
    const recent = recentInterfaces(clock, 200, () => readings[reads++]!);
    expect(recent()).to.equal(readings[0]);
    clock.advance(200);
    expect(recent()).to.equal(readings[0]);
    clock.advance(1);
    expect(recent()).to.equal(readings[1]);
    expect(recent()).to.equal(readings[1]);
    expect(reads).to.equal(2);
  });

  it('are those of the machine', () => {
    expect(recentInterfaces(new VirtualClock(), 200)()).to.be.an('object');
  });
});

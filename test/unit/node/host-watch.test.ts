import { expect } from 'chai';
import { HostWatch, readHost, socketDropsIn, type HostReading } from '../../../src/lib/node/host-watch.js';
import { settle, VirtualClock } from '../../support/virtual-clock.js';

const reading = (socketDrops: number): HostReading => ({ diskFreeBytes: 1, descriptors: { open: 1, limit: 2 }, socketDrops });

describe('the watch over the host', () => {
  function watching(read: () => Promise<HostReading>): { watch: HostWatch; clock: VirtualClock; unwanted: { count: number } } {
    const clock = new VirtualClock();
    const unwanted = { count: 0 };
    return { watch: new HostWatch({ clock, read, udpPort: () => 4433, unwanted: () => unwanted.count }, { dataDir: '/data' }), clock, unwanted };
  }

  it('looks every ten seconds and tells how fast counters rise', async () => {
    let drops = 100;
    const { watch, clock, unwanted } = watching(async () => reading(drops));
    await watch.start();
    await settle();
    expect([watch.latest.socketDrops, watch.lostPerSecond, watch.unwantedPerSecond]).to.deep.equal([100, 0, 0]);
    drops = 300;
    unwanted.count = 50;
    await clock.advanceAsync(10_000);
    expect([watch.lostPerSecond, watch.unwantedPerSecond]).to.deep.equal([20, 5]);
    drops = 0;
    await clock.advanceAsync(10_000);
    expect([watch.lostPerSecond, watch.unwantedPerSecond]).to.deep.equal([0, 0]);
    await watch.stop();
  });

  it('starts although the disk does not answer', async () => {
    const { watch } = watching(() => new Promise(() => undefined));
    await watch.start();
    expect(watch.latest.diskFreeBytes).to.equal(undefined);
    await watch.stop();
  });

  it('looks no more once it has stopped', async () => {
    let looks = 0;
    const { watch, clock } = watching(async () => (looks++, reading(0)));
    await watch.start();
    await settle();
    await watch.stop();
    await clock.advanceAsync(60_000);
    expect(looks).to.equal(1);
  });

  it('reads drops of all sockets on the port from the tables of the kernel', () => {
    const table = [
      '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
      ' 3473: 0100007F:1151 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2052856 2 00000000f0fdf472 7',
      ' 3474: 0100007F:1152 00000000:1151 07 00000000:00000000 00:00000000 00000000     0        0 2052857 2 00000000f0fdf472 900',
      ' 6251: 00000000000000000000000000000000:1151 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2052855 2 00000000a185b62a 5',
    ].join('\n');
    expect(socketDropsIn(table, 4433)).to.equal(12);
    expect(socketDropsIn(table, 80)).to.equal(undefined);
  });

  it('asks the system', async () => {
    const found = await readHost('/', undefined);
    expect(found.diskFreeBytes).to.be.above(0);
    if (process.platform === 'linux') expect(found.descriptors!.open).to.be.within(3, found.descriptors!.limit);
    expect((await readHost('/absent', undefined)).diskFreeBytes).to.equal(undefined);
  });
});

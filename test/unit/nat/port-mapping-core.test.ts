import { expect } from 'chai';
import { readRoutes } from '../../../src/lib/nat/default-gateway.js';
import { PortMappingCore } from '../../../src/lib/nat/port-mapping-core.js';

const [second, minute, hour] = [1000, 60_000, 3_600_000];

describe('the timing of port mappings', () => {
  it('asks at once at the start', () => expect(new PortMappingCore().dueMs).to.equal(0));

  for (const [lifetimeMs, renewMs] of [[2 * hour, hour], [30 * minute, 15 * minute], [10 * second, 15 * second], [0, 15 * second], [4_294_967_295_000, hour]] as const) {
    it(`renews a mapping granted for ${lifetimeMs} ms after ${renewMs} ms`, () => {
      const core = new PortMappingCore();
      core.handle({ type: 'granted', lifetimeMs }, 5);
      expect(core.dueMs).to.equal(5 + renewMs);
      expect(core.isMapped(core.dueMs)).to.equal(true);
    });
  }

  it('goes on trying to renew until the mapping has ended, and only then says that it is gone', () => {
    const core = new PortMappingCore();
    core.handle({ type: 'granted', lifetimeMs: 2 * minute }, 0);
    const asked: number[] = [];
    for (let tries = 0; tries < 4; tries++) {
      const nowMs = core.dueMs;
      asked.push(nowMs);
      core.handle({ type: 'failed' }, nowMs);
    }
    expect(asked).to.deep.equal([minute, 90 * second, 2 * minute, 3 * minute]);
    expect([core.isMapped(2 * minute - 1), core.isMapped(2 * minute)]).to.deep.equal([false, false]);
  });

  it('waits twice as long after each failure, an hour at most, until the network changes', () => {
    const core = new PortMappingCore();
    const pauses: number[] = [];
    for (let tries = 0; tries < 9; tries++) {
      const nowMs = core.dueMs;
      core.handle({ type: 'failed' }, nowMs);
      pauses.push((core.dueMs - nowMs) / minute);
    }
    expect(pauses).to.deep.equal([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    core.handle({ type: 'network-changed' }, 1000);
    expect(core.dueMs).to.equal(1500);
    core.handle({ type: 'failed' }, 1500);
    expect(core.dueMs).to.equal(1500 + minute);
  });
});

describe('the default gateway', () => {
  const header = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';

  it('is that of the route to everywhere with the lowest metric', () => {
    const table = `${header}wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\neth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\neth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n`;
    expect(readRoutes(table)).to.equal('10.0.0.1');
  });

  for (const [what, line] of [['no route', ''], ['a route without a gateway', 'ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0'], ['nonsense', 'a\tb']] as const) {
    it(`is none with ${what}`, () => expect(readRoutes(header + line)).to.equal(undefined));
  }
});

import { resolve } from 'node:path';
import { expect } from 'chai';
import { labKinds } from '../support/deployed-nat-rules.js';
import { describeInLab, NetworkLab } from '../support/network-lab.js';

const directory = resolve(import.meta.dirname, '../../deploy/nat-lab');

describeInLab('a router of the NAT lab for Docker', function () {
  this.timeout(30_000);

  for (const kind of labKinds) {
    it(`loads the rules of ${kind} over the interfaces that have its addresses`, () => {
      const lab = new NetworkLab();
      try {
        const [router, bridge] = [lab.router(), lab.bridge()];
        lab.plug(router, bridge, '10.1.0.2/24', 'eth0');
        lab.plug(router, bridge, '203.0.113.101/24', 'eth1');
        const env = ['WAN=203.0.113.101', 'LAN=10.1.0.2', `NAT=${kind}`, `RULES=${directory}/rules`];
        expect(router.run('env', ...env, 'sh', `${directory}/router.sh`, 'echo', 'ready')).to.equal('ready\n');
        expect(router.ip('-o -4 address show dev wan')).to.contain('203.0.113.101/24');
        expect(router.ip('-o -4 address show dev lan')).to.contain('10.1.0.2/24');
        const rules = router.run('nft', 'list', 'ruleset');
        expect(rules).to.contain('oifname "wan"').and.not.to.contain('@WAN@');
      } finally {
        lab.close();
      }
    });
  }
});

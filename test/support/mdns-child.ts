// Runs LAN discovery with the id and realm named on the command line and reports whom it finds, one JSON object a line.
import { networkInterfaces } from 'node:os';
import { systemClock } from '../../src/lib/base/clock.js';
import { silentLogger } from '../../src/lib/base/logger.js';
import { systemRandom } from '../../src/lib/base/random.js';
import { LocalAddresses } from '../../src/lib/peers/local-addresses.js';
import { MdnsDiscovery } from '../../src/lib/peers/mdns.js';

const [nodeId, realm] = process.argv.slice(2) as [string, string];
const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
const discovery = new MdnsDiscovery(
  {
    nodeId, clock: systemClock, random: systemRandom,
    logger: { ...silentLogger, warn: (message, fields) => say({ warning: message, ...fields }) },
    localAddresses: new LocalAddresses({ interfaces: networkInterfaces, bound: () => [{ host: '::', port: 4433 }] }, { advertise: [] }),
    onFound: (found, addresses) => say({ found, addresses }),
  },
  { realm },
);
await discovery.start();
say({ started: true });
process.stdin.resume();
process.stdin.once('end', () => void discovery.stop().then(() => say({ stopped: true })));

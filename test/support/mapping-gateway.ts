import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { NatRouter } from './nat-lab.js';

/** Chains that miniupnpd fills, jumped to before the router's own. */
const chains = `
  table inet miniupnpd {
    chain forward { type filter hook forward priority filter; policy accept; jump forwarding; }
    chain prerouting { type nat hook prerouting priority dstnat - 1; policy accept; jump mapping; }
    chain postrouting { type nat hook postrouting priority srcnat - 1; policy accept; jump masking; }
    chain forwarding { }
    chain mapping { }
    chain masking { }
  }`;

/** Debian's miniupnpd on a router of the lab: it maps ports for those inside who ask. */
export class MappingGateway {
  private constructor(
    private readonly router: NatRouter,
    private readonly child: ChildProcess,
    private readonly directory: string,
  ) {}

  /** @param protocols what it speaks @param externalAddress the router's address outside; one that is reserved for documentation it would refuse */
  static async start(router: NatRouter, protocols: { upnp: boolean; pcp: boolean }, externalAddress: string): Promise<MappingGateway> {
    router.nft(chains);
    const directory = await mkdtemp(join(tmpdir(), 'macula-gateway-'));
    const yes = (value: boolean): string => (value ? 'yes' : 'no');
    const config = [
      'ext_ifname=wan', `ext_ip=${externalAddress}`, 'listening_ip=lan', 'port=0', `enable_natpmp=${yes(protocols.pcp)}`, `enable_upnp=${yes(protocols.upnp)}`, 'secure_mode=yes',
      'upnp_table_name=miniupnpd', 'upnp_nat_table_name=miniupnpd', 'upnp_forward_chain=forwarding', 'upnp_nat_chain=mapping', 'upnp_nat_postrouting_chain=masking',
      'uuid=be92e45d-779a-413a-b329-96dd55d24dc7', 'allow 1024-65535 10.0.0.0/8 1024-65535', 'deny 0-65535 0.0.0.0/0 0-65535', '',
    ];
    const file = join(directory, 'miniupnpd.conf');
    await writeFile(file, config.join('\n'));
    const child = spawn('ip', ['netns', 'exec', router.netns, 'miniupnpd', '-d', '-f', file, '-P', join(directory, 'pid')], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.unref();
    const log: string[] = [];
    await new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout!, child.stderr!]) {
        createInterface({ input: stream }).on('line', (line) => {
          log.push(line);
          if (/listening/i.test(line)) resolve();
        });
      }
      child.once('exit', () => reject(new Error(`miniupnpd ended:\n${log.join('\n')}`)));
    });
    return new MappingGateway(router, child, directory);
  }

  /** Outer UDP ports mapped now. */
  ports(): number[] {
    const rules = execFileSync('ip', ['netns', 'exec', this.router.netns, 'nft', 'list', 'chain', 'inet', 'miniupnpd', 'mapping'], { encoding: 'utf8' });
    return [...rules.matchAll(/dport (\d+) dnat/g)].map(([, port]) => Number(port));
  }

  async close(): Promise<void> {
    if (this.child.exitCode === null) {
      const exited = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await exited;
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}

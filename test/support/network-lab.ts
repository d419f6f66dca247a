import { execFileSync, spawnSync } from 'node:child_process';

/** What stands in the way of building network namespaces here, or undefined when nothing does. */
export function labObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const missing = ['ip', 'nft'].filter((tool) => spawnSync(tool, ['-V']).error !== undefined);
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : undefined;
}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

let created = 0;

/** A host of the lab: a network namespace with interfaces. */
export class LabHost {
  constructor(readonly netns: string) {}

  /** Runs a command inside and returns its output. @throws Error when it fails */
  run(command: string, ...args: string[]): string {
    return run('ip', 'netns', 'exec', this.netns, command, ...args);
  }

  /** Loads nftables rules. */
  nft(rules: string): void {
    execFileSync('ip', ['netns', 'exec', this.netns, 'nft', '-f', '-'], { input: rules, stdio: ['pipe', 'pipe', 'pipe'] });
  }
}

/**
 * Network namespaces, bridges and cables of one test. Names carry the process id, so that runs side by side do not meet, and
 * everything is removed by {@link NetworkLab.close}, also after a failure half-way.
 */
export class NetworkLab {
  readonly #prefix = `mac${process.pid}x${created++}`;
  readonly #hosts: LabHost[] = [];

  /** A host with nothing but loopback. */
  host(): LabHost {
    const host = new LabHost(`${this.#prefix}n${this.#hosts.length}`);
    run('ip', 'netns', 'add', host.netns);
    this.#hosts.push(host);
    host.run('ip', 'link', 'set', 'lo', 'up');
    return host;
  }

  /** A host whose only job is to join others: a bridge named `br0` inside a namespace of its own. */
  bridge(): LabHost {
    const host = this.host();
    host.run('ip', 'link', 'add', 'br0', 'type', 'bridge');
    host.run('ip', 'link', 'set', 'br0', 'up');
    return host;
  }

  /** Plugs a host into a bridge. @param address in CIDR notation @returns the interface's name inside the host */
  plug(host: LabHost, bridge: LabHost, address: string, name = 'eth0'): string {
    const port = `p${host.netns.slice(this.#prefix.length)}${name}`;
    run('ip', 'link', 'add', name, 'netns', host.netns, 'type', 'veth', 'peer', 'name', port, 'netns', bridge.netns);
    bridge.run('ip', 'link', 'set', port, 'master', 'br0', 'up');
    host.run('ip', 'address', 'add', address, 'dev', name);
    host.run('ip', 'link', 'set', name, 'up');
    return name;
  }

  /** Removes everything. */
  close(): void {
    for (const host of this.#hosts.splice(0)) spawnSync('ip', ['netns', 'del', host.netns]);
  }
}

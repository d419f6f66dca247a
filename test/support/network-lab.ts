import { execFileSync, spawnSync } from 'node:child_process';

/** What stands in the way of building network namespaces here, or undefined when nothing does. @param tools needed besides ip and nft */
export function labObstacle(...tools: string[]): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const missing = ['ip', 'nft', ...tools].filter((tool) => spawnSync('sh', ['-c', 'command -v "$1"', 'sh', tool], { stdio: 'ignore' }).status !== 0);
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : undefined;
}

/** A mocha suite that needs the lab; where there is none it is skipped and its title says why. @param tools as {@link labObstacle} */
export function describeInLab(title: string, suite: (this: Mocha.Suite) => void, ...tools: string[]): void {
  const obstacle = labObstacle(...tools);
  if (obstacle === undefined) describe(title, suite);
  else describe.skip(`${title} (skipped: ${obstacle})`, suite);
}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

let created = 0;
const namespaceName = /^mac(\d+)x\d+n\d+$/;

/** A host of the lab: a network namespace with interfaces. */
export class LabHost {
  constructor(readonly netns: string) {}

  /** Runs a command inside and returns its output. @throws Error when it fails */
  run(command: string, ...args: string[]): string {
    return run('ip', 'netns', 'exec', this.netns, command, ...args);
  }

  /** Runs `ip` inside, with arguments as one writes them in a shell. @throws Error when it fails */
  ip(command: string): string {
    return this.run('ip', ...command.split(' '));
  }

  /** Loads nftables rules. */
  nft(rules: string): void {
    execFileSync('ip', ['netns', 'exec', this.netns, 'nft', '-f', '-'], { input: `${rules}\n`, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  /** Of a router: drops those forwarded packets that match, both ways, and no others any more. @param match as nft writes it; empty means all */
  dropForwarded(match: string): void {
    this.forwardAll();
    this.nft(`
      table ip faults {
        chain through { type filter hook forward priority -10; ${match} counter drop; }
      }`);
  }

  /** Undoes {@link LabHost.dropForwarded}. */
  forwardAll(): void {
    this.nft('table ip faults\ndelete table ip faults');
  }

  /** Packets dropped since {@link LabHost.dropForwarded}. */
  droppedForwarded(): number {
    return Number(/counter packets (\d+)/.exec(this.run('nft', 'list', 'table', 'ip', 'faults'))![1]);
  }

  /** Sets a kernel parameter of the namespace. */
  sysctl(name: string, value: string | number): void {
    this.run('sh', '-c', 'echo "$1" > "/proc/sys/$2"', 'sh', String(value), name.replaceAll('.', '/'));
  }
}

/**
 * Network namespaces, bridges and cables of one test. Names carry the process id, so that runs side by side do not meet, and
 * everything is removed by {@link NetworkLab.close}, also after a failure half-way; by the end of this process where it was
 * not called; and by the next lab where the process was killed.
 */
export class NetworkLab {
  readonly #prefix = `mac${process.pid}x${created++}`;
  readonly #hosts: LabHost[] = [];

  constructor() {
    watchForTheEnd();
    openLabs.add(this);
  }

  /** A host with nothing but loopback. */
  host(): LabHost {
    const host = new LabHost(`${this.#prefix}n${this.#hosts.length}`);
    run('ip', 'netns', 'add', host.netns);
    this.#hosts.push(host);
    host.ip('link set lo up');
    return host;
  }

  /** A host whose only job is to join others: a bridge named `br0` inside a namespace of its own. */
  bridge(): LabHost {
    const host = this.host();
    host.ip('link add br0 type bridge');
    host.ip('link set br0 up');
    return host;
  }

  /** A host that forwards packets between its interfaces. */
  router(): LabHost {
    const host = this.host();
    host.sysctl('net.ipv4.ip_forward', 1);
    host.sysctl('net.ipv6.conf.all.forwarding', 1);
    return host;
  }

  /** Plugs a host into a bridge. @param address in CIDR notation @returns the interface's name inside the host */
  plug(host: LabHost, bridge: LabHost, address: string, name = 'eth0'): string {
    const port = `p${host.netns.slice(this.#prefix.length)}${name}`;
    run('ip', 'link', 'add', name, 'netns', host.netns, 'type', 'veth', 'peer', 'name', port, 'netns', bridge.netns);
    bridge.ip(`link set ${port} master br0 up`);
    this.address(host, address, name);
    return name;
  }

  /** Joins two hosts by a cable with an interface and an address in CIDR notation at each end. */
  cable(a: { host: LabHost; name: string; address: string }, b: { host: LabHost; name: string; address: string }): void {
    run('ip', 'link', 'add', a.name, 'netns', a.host.netns, 'type', 'veth', 'peer', 'name', b.name, 'netns', b.host.netns);
    for (const { host, name, address } of [a, b]) this.address(host, address, name);
  }

  /** Gives an interface an address, usable at once, and sets it up. @param address in CIDR notation */
  address(host: LabHost, address: string, name = 'eth0'): void {
    // Duplicate address detection would keep an IPv6 address from being used for a second or two.
    host.ip(`address add ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`);
    host.ip(`link set ${name} up`);
  }

  /** Ends what still runs in the namespaces and removes everything. */
  close(): void {
    openLabs.delete(this);
    for (const { netns } of this.#hosts.splice(0)) removeNamespace(netns);
  }
}

const openLabs = new Set<NetworkLab>();
let watching = false;

/** Removes what runs before this one left, once, and sees to it that this one leaves nothing. */
function watchForTheEnd(): void {
  if (watching) return;
  watching = true;
  for (const name of leftNamespaces()) removeNamespace(name);
  const closeAll = (): void => {
    for (const lab of openLabs) lab.close();
  };
  process.once('exit', closeAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.prependOnceListener(signal, () => {
      // Without their network the tests that run cannot end well, and mocha would wait for them.
      closeAll();
      process.exit(130);
    });
  }
}

/** Namespaces of test processes that are no more. */
function leftNamespaces(): string[] {
  const names = run('ip', 'netns', 'list').split('\n').map((line) => line.split(' ')[0]!);
  return names.filter((name) => {
    const pid = namespaceName.exec(name)?.[1];
    return pid !== undefined && !isAlive(Number(pid));
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function removeNamespace(name: string): void {
  const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
  for (const pid of (stdout ?? '').split('\n').filter(Boolean).map(Number)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  spawnSync('ip', ['netns', 'del', name]);
}

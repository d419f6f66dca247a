import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { natRules, type NatBehaviour, type NatKind } from './nat-rules.js';
import { LabHost, NetworkLab } from './network-lab.js';

export { natKinds, type NatBehaviour, type NatKind } from './nat-rules.js';

/** How a cable treats packets, each way. Delay and jitter in milliseconds, the others as shares of all packets. */
export interface LinkQuality {
  readonly delayMs?: number;
  readonly jitterMs?: number;
  readonly loss?: number;
  readonly duplicate?: number;
}

export interface NatHostOptions extends NatBehaviour {
  /** Put the host behind this router, which is there already, instead of one of its own. */
  readonly behind?: NatRouter;
  /** The router has no public address but is itself behind a carrier's NAT of this kind (double NAT). */
  readonly carrier?: Exclude<NatKind, 'none'>;
  /** Behaviour of the carrier's NAT. */
  readonly carrierBehaviour?: NatBehaviour;
  /** The host has a public IPv6 address as well; behind a router, with the firewall that home routers have. */
  readonly ipv6?: boolean;
  /** The cable to the pretended Internet treats packets so; it can be changed later where this is given, also empty. */
  readonly link?: LinkQuality;
}

/** Where a pretended Internet host's cable ends, and what treats packets badly there. */
class Uplink {
  readonly #done: (() => void)[] = [];

  constructor(private readonly link: ChildProcess | undefined) {
    if (link) createInterface({ input: link.stdout! }).on('line', () => this.#done.shift()?.());
  }

  /** Resolves when it holds for all that is sent from then on. */
  set(quality: LinkQuality): Promise<void> {
    if (this.link === undefined) throw new Error('this host has a perfect cable: give it a link when it is made');
    const all = { delayMs: 0, jitterMs: 0, loss: 0, duplicate: 0, ...quality };
    this.link.stdin!.write(`${Object.entries(all).map(([name, value]) => `${name}=${value}`).join(' ')}\n`);
    return new Promise((done) => this.#done.push(done));
  }
}

/** A NAT: interfaces `wan` and `lan`, rules of its kind in between. */
export class NatRouter extends LabHost {
  #hosts = 0;

  constructor(
    netns: string,
    public kind: Exclude<NatKind, 'none'>,
    /** Its own address on the outer side. */
    readonly wanAddress: string,
    /** By which the Internet sees it: that of the carrier's NAT where it is behind one. */
    readonly publicAddress: string,
    /** Its number, which is the second byte of the addresses inside. */
    readonly index: number,
    private readonly uplink: Uplink,
  ) {
    super(netns);
  }

  /** Address of the router inside. */
  get lanAddress(): string {
    return `10.${this.index}.0.1`;
  }

  /** Makes it behave differently from now on; mappings that are there stay. */
  behave(behaviour: NatBehaviour): void {
    this.nft(natRules(this.kind, this.wanAddress, behaviour));
    if (behaviour.mappingTimeoutSeconds === undefined) return;
    this.sysctl('net.netfilter.nf_conntrack_udp_timeout', behaviour.mappingTimeoutSeconds);
    this.sysctl('net.netfilter.nf_conntrack_udp_timeout_stream', behaviour.mappingTimeoutSeconds);
  }

  /** Becomes a NAT of another kind, as one that was replaced; mappings are lost. */
  become(kind: Exclude<NatKind, 'none'>): void {
    this.kind = kind;
    this.behave({});
    this.forget();
  }

  /** Forgets all mappings, as a router that was switched off and on. @param peer only of packets to this address, or from it */
  forget(peer?: string): void {
    // Exits with 1 where there was nothing to delete.
    for (const which of peer === undefined ? [['-F']] : [['-D', '-p', 'udp', '-d', peer], ['-D', '-p', 'udp', '-s', peer]]) {
      spawnSync('ip', ['netns', 'exec', this.netns, 'conntrack', ...which], { stdio: 'ignore' });
    }
    for (const kept of ['set ip nat spokenTo', ...(peer === undefined ? ['map ip nat cone'] : [])]) spawnSync('ip', ['netns', 'exec', this.netns, 'nft', 'flush', ...kept.split(' ')], { stdio: 'ignore' });
  }

  /** How many mappings of UDP it has. */
  mappings(): number {
    return this.run('conntrack', '-L', '-p', 'udp').split('\n').filter((line) => line.startsWith('udp')).length;
  }

  /** Changes how the cable to the Internet treats packets from then on; only where the host was made with a link. */
  setLink(quality: LinkQuality): Promise<void> {
    return this.uplink.set(quality);
  }

  nextAddress(): string {
    this.#hosts += 1;
    return `10.${this.index}.0.${this.#hosts + 1}`;
  }
}

/** A host in which nodes and tools run: `farm.start(name, { netns: host.netns })`, `host.run(...)`. */
export class NatHost extends LabHost {
  constructor(
    netns: string,
    /** Its own address. */
    readonly address: string,
    /** By which the Internet sees it. */
    readonly publicAddress: string,
    /** undefined for a host of the Internet itself. */
    readonly router: NatRouter | undefined,
    /** Its public IPv6 address, where it was made with one. */
    readonly ipv6: string | undefined,
    private readonly uplink: Uplink | undefined,
  ) {
    super(netns);
  }

  /** As {@link NatRouter.setLink}. */
  setLink(quality: LinkQuality): Promise<void> {
    return this.router ? this.router.setLink(quality) : this.uplink!.set(quality);
  }

  /** Starts a command inside; it ends with the lab at the latest. stdout, stderr and stdin are pipes. */
  spawn(command: string, ...args: string[]): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.netns, command, ...args], { stdio: 'pipe' });
  }
}

/**
 * A pretended Internet, 203.0.113.0/24 (and 2001:db8:113::/64), with hosts on it and routers with hosts behind. Hosts of
 * the Internet have addresses from 203.0.113.10 on, routers from 203.0.113.100 on, hosts behind router n 10.n.0.2 and up.
 * Inside a full-cone or address-restricted NAT no two hosts may send from the same port.
 */
export class NatLab {
  readonly #net = new NetworkLab();
  readonly #internet: LabHost;
  #publicHosts = 0;
  #routers = 0;
  #links = 0;

  constructor() {
    this.#internet = this.#net.bridge();
    withoutDuplicateDetection(this.#internet);
    this.#net.address(this.#internet, '203.0.113.1/24', 'br0');
    this.#net.address(this.#internet, '2001:db8:113::1/64', 'br0');
    this.#internet.sysctl('net.ipv6.conf.all.forwarding', 1);
  }

  /** Makes a host behind a new router of this kind, or of the Internet itself where it is `none`. */
  host(kind: NatKind, options: NatHostOptions = {}): NatHost {
    if (kind === 'none') return this.#publicHost(options);
    return this.#hostBehind(options.behind ?? this.router(kind, options), options);
  }

  /** Makes a router with nobody behind. */
  router(kind: Exclude<NatKind, 'none'>, options: Omit<NatHostOptions, 'behind'> = {}): NatRouter {
    const carrier = options.carrier && this.#router(options.carrier, options.carrierBehaviour ?? {}, { link: options.link });
    return this.#router(kind, options, { carrier, ...(carrier ? {} : { link: options.link }) });
  }

  /** Unplugs a host and plugs it in behind another router, where it gets another address. What runs in it goes on. */
  move(host: NatHost, router: NatRouter): NatHost {
    host.ip('link delete eth0');
    const address = this.#plugBehind(router, host);
    return new NatHost(host.netns, address, router.publicAddress, router, undefined, undefined);
  }

  /**
   * Lets nothing through between two hosts any more, neither by public addresses nor by those inside. Senders do not
   * notice: packets are lost on arrival. Mappings of the NATs between are kept alive by what is sent.
   */
  cutDirect(a: NatHost, b: NatHost): void {
    this.restore(a, b);
    for (const [at, other] of [[a, b], [b, a]] as const) {
      const table = cutTable(other);
      const ipv6 = other.ipv6 === undefined ? '' : `ip6 saddr ${other.ipv6} counter drop;`;
      at.nft(`table inet ${table} {\n chain in { type filter hook input priority -10; ip saddr { ${[...new Set([other.address, other.publicAddress])].join(', ')} } counter drop; ${ipv6} }\n}`);
    }
  }

  /** Undoes {@link NatLab.cutDirect}. */
  restore(a: NatHost, b: NatHost): void {
    for (const [at, other] of [[a, b], [b, a]] as const) at.nft(`table inet ${cutTable(other)}\ndelete table inet ${cutTable(other)}`);
  }

  /** Ends what runs inside and removes everything. */
  close(): void {
    this.#net.close();
  }

  #publicHost(options: NatHostOptions): NatHost {
    const host = this.#net.host();
    if (options.ipv6) withoutDuplicateDetection(host);
    const number = this.#publicHosts++ + 10;
    const address = `203.0.113.${number}`;
    const uplink = this.#plug(host, `${address}/24`, 'eth0', options.link);
    host.ip('route add default via 203.0.113.1');
    const ipv6 = options.ipv6 ? `2001:db8:113::${number}` : undefined;
    if (ipv6 !== undefined) this.#giveIpv6(host, ipv6, 'eth0', '2001:db8:113::1');
    return new NatHost(host.netns, address, address, undefined, ipv6, uplink);
  }

  #router(kind: Exclude<NatKind, 'none'>, behaviour: NatBehaviour, { carrier, link }: { carrier?: NatRouter | undefined; link?: LinkQuality | undefined }): NatRouter {
    const { netns } = this.#net.router();
    const index = this.#routers++;
    const wanAddress = carrier ? `100.64.${carrier.index}.${index + 2}` : `203.0.113.${100 + index}`;
    const plain = new LabHost(netns);
    withoutDuplicateDetection(plain);
    let uplink = new Uplink(undefined);
    if (carrier) {
      this.#net.cable({ host: carrier, name: 'lan1', address: `100.64.${carrier.index}.1/24` }, { host: plain, name: 'wan', address: `${wanAddress}/24` });
      plain.ip(`route add default via 100.64.${carrier.index}.1`);
    } else {
      uplink = this.#plug(plain, `${wanAddress}/24`, 'wan', link);
      plain.ip('route add default via 203.0.113.1');
    }
    plain.ip('link add lan type bridge');
    // Otherwise rules see frames that the bridge only passes on, and what NAT turns back to where it came from is dropped.
    plain.run('sh', '-c', 'for call in /proc/sys/net/bridge/bridge-nf-call-*tables; do [ ! -e "$call" ] || echo 0 > "$call"; done');
    const router = new NatRouter(netns, kind, wanAddress, carrier?.publicAddress ?? wanAddress, index + 1, uplink);
    this.#net.address(router, `${router.lanAddress}/24`, 'lan');
    router.behave(behaviour);
    return router;
  }

  #hostBehind(router: NatRouter, options: NatHostOptions): NatHost {
    const { netns } = this.#net.host();
    const plain = new LabHost(netns);
    if (options.ipv6) withoutDuplicateDetection(plain);
    const address = this.#plugBehind(router, plain);
    const ipv6 = options.ipv6 ? this.#ipv6Behind(router, plain, address) : undefined;
    return new NatHost(netns, address, router.publicAddress, router, ipv6, undefined);
  }

  /** Returns the address it gets. */
  #plugBehind(router: NatRouter, host: LabHost): string {
    const address = router.nextAddress();
    const port = `p${address.split('.')[3]}`;
    router.ip(`link add ${port} type veth peer name eth0 netns ${host.netns}`);
    router.ip(`link set ${port} master lan up`);
    this.#net.address(host, `${address}/24`);
    host.ip(`route add default via ${router.lanAddress}`);
    return address;
  }

  #ipv6Behind(router: NatRouter, host: LabHost, address: string): string {
    const [prefix, wan] = [`2001:db8:${router.index}:`, `2001:db8:113::${router.index + 100}`];
    if (!router.ip('-6 address show dev lan').includes(`${prefix}:1/64`)) {
      this.#giveIpv6(router, wan, 'wan', '2001:db8:113::1');
      this.#net.address(router, `${prefix}:1/64`, 'lan');
      this.#internet.ip(`route add ${prefix}:/64 via ${wan}`);
    }
    const own = `${prefix}:${address.split('.')[3]}`;
    this.#giveIpv6(host, own, 'eth0', `${prefix}:1`);
    return own;
  }

  #giveIpv6(host: LabHost, address: string, name: string, gateway: string): void {
    this.#net.address(host, `${address}/64`, name);
    host.ip(`route add default via ${gateway}`);
  }

  /** A cable to the Internet, bad where a quality is given. */
  #plug(host: LabHost, address: string, name: string, quality: LinkQuality | undefined): Uplink {
    if (quality === undefined) {
      this.#net.plug(host, this.#internet, address, name);
      return new Uplink(undefined);
    }
    const device = `bad${this.#links}`;
    const child = spawn('ip', ['netns', 'exec', this.#internet.netns, 'perl', resolve(import.meta.dirname, 'bad-link.pl'), device, String(this.#links)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#links += 1;
    // It must not keep the test process from ending; the lab ends it.
    child.unref();
    const uplink = new Uplink(child);
    this.#untilLink(`${device}b`);
    this.#internet.ip(`link set ${device}b master br0 up`);
    this.#internet.ip(`link set ${device}a netns ${host.netns} name ${name}`);
    this.#net.address(host, address, name);
    void uplink.set(quality);
    return uplink;
  }

  #untilLink(name: string): void {
    const deadlineMs = performance.now() + 20_000;
    while (spawnSync('ip', ['-n', this.#internet.netns, 'link', 'show', name], { stdio: 'ignore' }).status !== 0) {
      if (performance.now() > deadlineMs) throw new Error(`the bad cable ${name} did not come up`);
    }
  }
}

/** Lets IPv6 addresses be used at once, also the link-local ones by which neighbours are found. */
function withoutDuplicateDetection(host: LabHost): void {
  host.sysctl('net.ipv6.conf.default.accept_dad', 0);
}

function cutTable(other: NatHost): string {
  return `cut_${other.netns}`;
}

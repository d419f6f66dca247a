import { throwIfAborted } from '../base/abort.js';
import { addressScope, formatAddress, type SocketAddress } from '../base/address.js';
import type { Timer } from '../base/clock.js';
import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { Settings } from '../config/schema.js';
import type { Session } from '../session/session.js';
import { directAddress } from '../session/session-address.js';
import { DiscoveryCore, type DiscoveryEvent } from './discovery-core.js';
import { readFinding, writeFinding } from './finding-codec.js';
import type { NatFinding } from './nat-finding.js';
import { mappedBy, NatMeasurement } from './nat-measurement.js';
import { PeerProbes, type PeerProbesStats } from './peer-probes.js';
import { PeerVantage } from './peer-vantage.js';
import type { NatDiscoveryComponents } from './discovery-ports.js';
import { StunClient } from './stun-client.js';
import { bindingMethod, decodeStun, encodeStun } from './stun-message.js';
import { StunResponder, type StunResponderSettings, type StunResponderStats } from './stun-responder.js';
import { StunServerVantage, type Vantage } from './vantage.js';

export type NatDiscoverySettings = StunResponderSettings & Pick<Settings, 'host' | 'natRefreshMs'>;

export interface NatDiscoveryEvents {
  /** A finding was made; `before` is the one it replaces. */
  found: { readonly finding: NatFinding; readonly before: NatFinding | undefined };
  /** This machine's addresses are others than before. */
  localHostsChanged: { readonly hosts: readonly string[] };
}

export interface NatDiscoveryStats {
  readonly measurements: number;
  readonly failedMeasurements: number;
  readonly stun: StunResponderStats;
  readonly probes: PeerProbesStats;
}

/** How often the system is asked for its addresses: reading them takes a tenth of a millisecond. */
const localHostsIntervalMs = 2000;
/** Key of the finding in its collection. */
const storedKey = 'finding';

/** Serves STUN on the node's port, and finds out which NATs are between this node and others. */
export class NatDiscovery implements Service {
  readonly #components: NatDiscoveryComponents;
  readonly #settings: NatDiscoverySettings;
  readonly #emitter = new Emitter<NatDiscoveryEvents>();
  readonly #core: DiscoveryCore;
  readonly #client: StunClient;
  readonly #responder: StunResponder;
  readonly #probes: PeerProbes;
  readonly #stopping = new AbortController();
  #finding: NatFinding | undefined;
  #hosts = '';
  #measuring: Promise<NatFinding> | undefined;
  #timers: Timer[] = [];
  #unsubscribe: (() => void)[] = [];
  #measurements = 0;
  #failed = 0;

  constructor(components: NatDiscoveryComponents, settings: NatDiscoverySettings) {
    const { clock, random, stun } = components;
    this.#components = components;
    this.#settings = settings;
    this.#core = new DiscoveryCore(settings.natRefreshMs);
    this.#client = new StunClient({ clock, random, socket: stun });
    this.#responder = new StunResponder({ clock }, settings);
    this.#probes = new PeerProbes({ ...components, responder: this.#responder }, settings.host);
  }

  /** What is known, be it of an earlier run; undefined before the first measurement. */
  get finding(): NatFinding | undefined {
    return this.#finding;
  }

  on<Name extends keyof NatDiscoveryEvents>(name: Name, listener: (value: NatDiscoveryEvents[Name]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  stats(): NatDiscoveryStats {
    return { measurements: this.#measurements, failedMeasurements: this.#failed, stun: this.#responder.stats(), probes: this.#probes.stats() };
  }

  /** Starts once; measures when there is somebody to ask. */
  async start(): Promise<void> {
    const { stun, sessions, store } = this.#components;
    this.#hosts = this.#hostsKey();
    this.#finding = readFinding(store.get(storedKey), this.#hosts);
    stun.onMessage((bytes, from) => this.#onMessage(bytes, from));
    this.#probes.start();
    this.#unsubscribe = [sessions.on('opened', (session) => this.#opened(session)), sessions.on('closed', () => this.#countVantages())];
    this.#handle({ type: 'localHosts', hosts: this.#components.localHosts() });
    this.#countVantages();
    this.#watchHosts();
    void this.#lookForServers();
  }

  async stop(): Promise<void> {
    this.#components.stun.onMessage(undefined);
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    for (const timer of this.#timers.splice(0)) timer.cancel();
    this.#stopping.abort();
    this.#client.close();
    await Promise.all([this.#probes.stop(), this.#measuring?.catch(() => undefined)]);
  }

  /**
   * Measures now, or waits for the measurement under way, and resolves with the finding.
   * @param more STUN servers to ask besides
   * @throws MaculaError MACULA_ABORTED, MACULA_UNREACHABLE where there is nobody to ask
   */
  async measure(more: readonly SocketAddress[] = [], signal?: AbortSignal): Promise<NatFinding> {
    throwIfAborted(signal);
    const abort = signal ? AbortSignal.any([this.#stopping.signal, signal]) : this.#stopping.signal;
    if (more.length === 0 && this.#measuring) return this.#measuring;
    // What was asked of servers somebody named is not what the node goes by.
    if (more.length > 0) return this.#run(more.map((address) => new StunServerVantage(address)), abort);
    this.#measuring = this.#measureAndKeep(abort).finally(() => (this.#measuring = undefined));
    return this.#measuring;
  }

  /**
   * The address of a side socket as another node or a STUN server sees it; undefined where nobody answers. Asks one of them
   * only: with a NAT of foreseeable ports each further one would use up a port.
   * @param socket number of the side socket
   */
  async outerAddress(socket: number): Promise<SocketAddress | undefined> {
    const signal = this.#stopping.signal;
    const [vantage] = await this.#vantages(signal);
    if (!vantage) return undefined;
    const transactionId = this.#client.newTransactionId();
    const request = { class: 'request', method: bindingMethod, transactionId } as const;
    // Encoded for each try: the bytes belong to the system once they are sent.
    const answer = await this.#client.expect(transactionId, () => this.#components.stun.send(encodeStun(request), vantage.address, socket), signal);
    return answer && mappedBy(answer);
  }

  async #measureAndKeep(signal: AbortSignal): Promise<NatFinding> {
    let outcome: Extract<DiscoveryEvent, { type: 'measured' }>['outcome'] = 'gaps';
    try {
      const finding = await this.#run(await this.#vantages(signal), signal);
      if (finding.natType !== 'unknown' && finding.filtering !== 'unknown') outcome = finding.allocation.kind === 'random' ? 'worst' : 'whole';
      await this.#keep(finding);
      return finding;
    } catch (error) {
      this.#failed += 1;
      throw error;
    } finally {
      this.#handle({ type: 'measured', outcome });
    }
  }

  async #run(vantages: readonly Vantage[], signal: AbortSignal): Promise<NatFinding> {
    if (vantages.length === 0) {
      throw new MaculaError('MACULA_UNREACHABLE', 'there is nobody at another address to ask', { hint: 'Connect the node to others, or name a STUN server with --stun or MACULA_STUN_SERVERS.' });
    }
    this.#measurements += 1;
    const own = { client: this.#client, port: this.#components.port() };
    return new NatMeasurement({ ...this.#components, own }, this.#settings.host, signal).run(vantages);
  }

  async #keep(finding: NatFinding): Promise<void> {
    const before = this.#finding;
    this.#finding = finding;
    const { logger, store } = this.#components;
    const { natType, mapping, filtering, publicAddress } = finding;
    if (before?.natType !== natType) logger.info('looked at the NATs on the way', { natType, mapping, filtering, publicAddress: publicAddress && formatAddress(publicAddress) });
    this.#emitter.emit('found', { finding, before });
    // Without it a restart measures anew, as it does anyhow.
    await store.put(storedKey, writeFinding(finding, this.#hosts)).catch((error: unknown) => logger.warn('the finding about NATs could not be stored', { error: MaculaError.from(error).message }));
  }

  /** Peers on direct paths first, of these public ones before others and such as were dialled before such as came, one a host; servers where these are too few. */
  async #vantages(signal: AbortSignal): Promise<Vantage[]> {
    const peers = this.#peerVantages();
    const known = new Set(peers.map(({ address }) => address.host));
    const servers = peers.length >= 2 ? [] : await this.#components.servers(signal);
    const more = servers.filter(({ host }) => !this.#isOwn(host) && !known.has(host) && known.add(host));
    return [...peers, ...more.map((address) => new StunServerVantage(address))];
  }

  #peerVantages(): PeerVantage[] {
    const { sessions, isReachable } = this.#components;
    const byHost = new Map<string, { readonly vantage: PeerVantage; readonly rank: number }>();
    for (const session of sessions.list()) {
      const address = directAddress(session);
      // A peer behind a NAT of its own, on a path that was punched, lets no other socket of this node in.
      if (!address || this.#isOwn(address.host) || !isReachable(session.nodeId)) continue;
      const rank = (addressScope(address.host) === 'public' ? 2 : 0) + (session.direction === 'out' ? 1 : 0);
      if ((byHost.get(address.host)?.rank ?? -1) < rank) byHost.set(address.host, { vantage: new PeerVantage(session, address), rank });
    }
    return [...byHost.values()].sort((a, b) => b.rank - a.rank).map(({ vantage }) => vantage);
  }

  /** Nodes on this machine see nothing of NATs. */
  #isOwn(host: string): boolean {
    return addressScope(host) === 'loopback' || this.#components.localHosts().includes(host);
  }

  #onMessage(bytes: Buffer, from: SocketAddress): string | undefined {
    const message = decodeStun(bytes);
    if (!message) return 'stun-malformed';
    if (message.class !== 'request') return this.#client.takeMessage(message, from) ? undefined : 'stun-unexpected';
    const answer = this.#responder.answer(message, from);
    if (typeof answer === 'string') return answer;
    this.#components.stun.send(answer, from);
    return undefined;
  }

  #opened(session: Session): void {
    this.#countVantages();
    const seen = session.hello.observedAddress;
    const known = this.#finding?.publicAddress;
    const isDirect = session.connection.route.kind === 'direct';
    if (isDirect && seen && known && addressScope(seen.host) === 'public' && seen.host.includes(':') === known.host.includes(':') && seen.host !== known.host) {
      this.#handle({ type: 'seenElsewhere' });
    }
  }

  #countVantages(): void {
    this.#handle({ type: 'vantages', count: this.#peerVantages().length });
  }

  /** With no peer connected, silent servers tell that UDP is blocked. */
  async #lookForServers(): Promise<void> {
    const servers = await this.#components.servers(this.#stopping.signal).catch(() => []);
    const count = new Set(servers.map(({ host }) => host).filter((host) => !this.#isOwn(host))).size;
    if (!this.#stopping.signal.aborted && count > this.#peerVantages().length) this.#handle({ type: 'vantages', count });
  }

  #watchHosts(): void {
    const look = (): void => {
      const hosts = this.#components.localHosts();
      const key = this.#hostsKey();
      if (key !== this.#hosts) {
        this.#hosts = key;
        this.#handle({ type: 'localHosts', hosts });
        this.#emitter.emit('localHostsChanged', { hosts });
      }
      this.#timers[0] = this.#components.clock.setTimer(localHostsIntervalMs, look);
    };
    this.#timers[0] = this.#components.clock.setTimer(localHostsIntervalMs, look);
  }

  #hostsKey(): string {
    return [...this.#components.localHosts()].sort().join();
  }

  #handle(event: DiscoveryEvent): void {
    const { clock } = this.#components;
    this.#core.handle(event, clock.nowMs());
    this.#timers[1]?.cancel();
    const { dueMs } = this.#core;
    if (dueMs === Number.POSITIVE_INFINITY || this.#stopping.signal.aborted) return;
    this.#timers[1] = clock.setTimer(Math.max(0, dueMs - clock.nowMs()), () => {
      this.measure().catch((error: unknown) => this.#components.logger.debug('could not look at the NATs', { error: MaculaError.from(error).message }));
    });
  }
}

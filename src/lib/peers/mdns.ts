import { addressScope, type SocketAddress } from '../base/address.js';
import type { Clock, Timer } from '../base/clock.js';
import type { Service } from '../base/lifecycle.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import type { LocalAddresses } from './local-addresses.js';
import { announcement, asksForUs, findNodes, question, realmTag, serviceRecord, type Announced, type MdnsMessage } from './mdns-core.js';
import { openMdnsSocket, type MdnsSocket, type OpenMdnsSocket } from './mdns-socket.js';

export interface MdnsComponents {
  readonly nodeId: NodeId;
  readonly localAddresses: Pick<LocalAddresses, 'interfaces'>;
  /** A node of the same realm is on the local network; called again each time it is heard. */
  readonly onFound: (nodeId: NodeId, addresses: readonly SocketAddress[]) => void;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
  /** The real network where absent. */
  readonly openSocket?: OpenMdnsSocket;
}

/** How often interfaces are compared with those before: laptops change networks. */
const pollMs = 10_000;

/** First and longest pause between questions (RFC 6762 §5.2); nodes announce themselves, so questions are a backstop. */
const queryPause = { firstMs: 1_000, longestMs: 60_000 };

/** The second announcement (RFC 6762 §8.3 asks for two, a second apart). */
const repeatMs = 1_000;

/** At most one answer a second on an interface (RFC 6762 §6). */
const answerIntervalMs = 1_000;

/** Messages looked at per second and interface; more is a storm or an attack. */
const maxMessagesPerSecond = 100;

/** An interface that failed is tried again after this. */
const retryMs = 60_000;

interface Link {
  /** As {@link OpenMdnsSocket} takes it. */
  readonly host: string;
  readonly socket: MdnsSocket;
  announced: Announced;
  timers: Timer[];
  lastAnswerMs: number;
  windowMs: number;
  messages: number;
}

/**
 * Finds and is found by nodes of the same realm on the local network, over multicast DNS. Where the system or the network
 * has no multicast the node does without, after one warning.
 */
export class MdnsDiscovery implements Service {
  readonly #links = new Map<string, Link>();
  /** Host of a link → when it may be tried again. */
  readonly #failed = new Map<string, number>();
  readonly #tag: string;
  readonly #closing = new Set<Promise<void>>();
  #poll: Timer | undefined;
  #hasWarned = false;
  #isRunning = false;

  constructor(
    private readonly components: MdnsComponents,
    settings: Pick<Settings, 'realm'>,
  ) {
    this.#tag = realmTag(settings.realm);
  }

  start(): Promise<void> {
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#refresh();
    }
    return Promise.resolve();
  }

  /** Says goodbye on every interface and closes. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#poll?.cancel();
    await Promise.all([...this.#links.values()].map(async (link) => {
      this.#links.delete(link.host);
      for (const timer of link.timers) timer.cancel();
      await link.socket.respond(announcement(link.announced, true));
      await link.socket.close();
    }));
    await Promise.all(this.#closing);
  }

  /** Opens sockets on interfaces that came, closes those on interfaces that went, announces changed addresses. */
  #refresh(): void {
    const { clock, localAddresses } = this.components;
    if (!this.#isRunning) return;
    this.#poll = clock.setTimer(pollMs, () => this.#refresh());
    const present = new Set<string>();
    for (const { name, addresses } of localAddresses.interfaces()) {
      const announced = { nodeId: this.components.nodeId, realmTag: this.#tag, addresses };
      for (const host of multicastHosts(name, addresses)) {
        present.add(host);
        const link = this.#links.get(host);
        if (!link) this.#open(host, announced);
        else if (JSON.stringify(link.announced) !== JSON.stringify(announced)) this.#announce(Object.assign(link, { announced }));
      }
    }
    for (const link of this.#links.values()) if (!present.has(link.host)) this.#close(link);
  }

  #open(host: string, announced: Announced): void {
    const { clock, openSocket = openMdnsSocket } = this.components;
    const nowMs = clock.nowMs();
    if ((this.#failed.get(host) ?? -Infinity) > nowMs) return;
    const link: Link = {
      host, announced, timers: [], lastAnswerMs: -Infinity, windowMs: nowMs, messages: 0,
      socket: openSocket(host, {
        onQuery: (message) => this.#isCurrent(link) && this.#withinRate(link) && this.#answer(link, message),
        onResponse: (message, sender) => this.#isCurrent(link) && this.#withinRate(link) && this.#find(link, message, sender),
        onFailure: (error) => this.#isCurrent(link) && this.#fail(link, error),
      }),
    };
    this.#links.set(host, link);
    this.#announce(link);
    this.#query(link, queryPause.firstMs);
  }

  #isCurrent(link: Link): boolean {
    return this.#links.get(link.host) === link;
  }

  #announce(link: Link): void {
    const send = (): void => void link.socket.respond(announcement(link.announced));
    send();
    link.timers.push(this.components.clock.setTimer(repeatMs, send));
  }

  #query(link: Link, pauseMs: number): void {
    const { clock, random } = this.components;
    link.socket.query([question]);
    const timer = clock.setTimer(pauseMs * (1 + random.float() / 5), () => {
      link.timers = link.timers.filter((one) => one !== timer);
      this.#query(link, Math.min(pauseMs * 2, queryPause.longestMs));
    });
    link.timers.push(timer);
  }

  #answer(link: Link, message: MdnsMessage): void {
    if (!asksForUs(message, link.announced)) return;
    const nowMs = this.components.clock.nowMs();
    if (nowMs - link.lastAnswerMs < answerIntervalMs) return;
    link.lastAnswerMs = nowMs;
    void link.socket.respond([...announcement(link.announced), serviceRecord()]);
  }

  #find(link: Link, message: MdnsMessage, sender: string): void {
    for (const { nodeId, addresses } of findNodes(message, sender, link.announced)) this.components.onFound(nodeId, addresses);
  }

  #withinRate(link: Link): boolean {
    const nowMs = this.components.clock.nowMs();
    if (nowMs - link.windowMs >= 1000) {
      link.windowMs = nowMs;
      link.messages = 0;
    }
    return ++link.messages <= maxMessagesPerSecond;
  }

  #fail(link: Link, error: Error): void {
    const { clock, logger } = this.components;
    this.#failed.set(link.host, clock.nowMs() + retryMs);
    this.#close(link);
    const fields = { interface: link.host, error: error.message };
    // Without IPv6 much of a network is still found by IPv4.
    if (this.#hasWarned || link.host.includes(':')) {
      logger.debug('multicast DNS does not work on an interface', fields);
      return;
    }
    logger.warn('multicast DNS does not work here; nodes on this network are not found by themselves', fields);
    this.#hasWarned = true;
  }

  #close(link: Link): void {
    this.#links.delete(link.host);
    for (const timer of link.timers) timer.cancel();
    const closed = link.socket.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

/** On what to listen at an interface, as {@link OpenMdnsSocket} takes it: each address family it has is a network of its own. */
function multicastHosts(name: string, addresses: readonly SocketAddress[]): string[] {
  const hosts = addresses.map(({ host }) => host).filter((host) => addressScope(host) !== 'loopback');
  const ipv4 = hosts.find((host) => !host.includes(':'));
  return [...(ipv4 === undefined ? [] : [ipv4]), ...(hosts.some((host) => host.includes(':')) ? [`::%${name}`] : [])];
}

import { withTimeout } from '../base/abort.js';
import { addressScope, formatAddress, sameAddress, type SocketAddress } from '../base/address.js';
import type { Timer } from '../base/clock.js';
import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { Logger } from '../base/logger.js';
import type { GatewayComponents, GrantedMapping, MappingMethod, MappingWish } from './gateway.js';
import type { PortMapping } from './nat-finding.js';
import { gatewayPort } from './pcp-message.js';
import { PortMappingCore, type PortMappingEvent } from './port-mapping-core.js';

/** What keeping a port mapped needs of the node around it. */
export interface PortMapperComponents extends Pick<GatewayComponents, 'clock'> {
  /** Protocols to try, in this order. */
  readonly methods: readonly MappingMethod[];
  readonly gateway: () => Promise<string | undefined>;
  /** The address packets to the gateway leave from. */
  readonly sourceAddress: (gateway: SocketAddress) => Promise<string | undefined>;
  /** Addresses of interfaces the node listens on, with its port. */
  readonly local: () => readonly SocketAddress[];
  readonly logger: Logger;
}

export interface PortMapperEvents {
  /** The mapping there is from now on; undefined: none any more. */
  changed: PortMapping | undefined;
}

/** How asking gateways went, since start. */
export interface PortMapperStats {
  readonly granted: number;
  readonly failed: number;
}

/** Longest time for trying all protocols: each gives up within a few seconds. */
const attemptMs = 20_000;
/** Time for taking the mapping back when the node stops. */
const releaseMs = 1000;

/**
 * Has the gateway map the node's port, and keeps it so. Works in the background: nothing waits for it, and that no
 * gateway does is usual. Only addresses of private ranges are mapped, so a node on loopback or with a public address
 * sends nothing.
 */
export class PortMapper implements Service {
  readonly #components: PortMapperComponents;
  readonly #core = new PortMappingCore();
  readonly #emitter = new Emitter<PortMapperEvents>();
  readonly #stopping = new AbortController();
  #granted: GrantedMapping | undefined;
  #method: MappingMethod | undefined;
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #isStarted = false;
  #grants = 0;
  #failures = 0;

  constructor(components: PortMapperComponents) {
    this.#components = components;
  }

  /** What a gateway maps to this node now. */
  get mapping(): PortMapping | undefined {
    if (!this.#granted) return undefined;
    const { protocol, external, internal } = this.#granted;
    return { protocol, external, internal };
  }

  on<Name extends keyof PortMapperEvents>(name: Name, listener: (value: PortMapperEvents[Name]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  stats(): PortMapperStats {
    return { granted: this.#grants, failed: this.#failures };
  }

  async start(): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#schedule();
  }

  /** Takes the mapping back, within a second. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#timer?.cancel();
    await this.#running;
    const granted = this.#granted;
    this.#granted = undefined;
    if (granted) await this.#release(granted);
  }

  /** Addresses of this machine, or the one others see, changed: the gateway is asked anew. */
  networkChanged(): void {
    const { internal } = this.#granted ?? {};
    if (internal && !this.#components.local().some((address) => sameAddress(address, internal))) this.#keep(undefined);
    this.#handle({ type: 'network-changed' });
  }

  #handle(event: PortMappingEvent): void {
    this.#core.handle(event, this.#components.clock.nowMs());
    this.#schedule();
  }

  #schedule(): void {
    this.#timer?.cancel();
    if (!this.#isStarted || this.#stopping.signal.aborted || this.#running) return;
    const { clock } = this.#components;
    this.#timer = clock.setTimer(Math.max(0, this.#core.dueMs - clock.nowMs()), () => {
      this.#running = this.#attempt().finally(() => {
        this.#running = undefined;
        this.#schedule();
      });
    });
  }

  async #attempt(): Promise<void> {
    const { clock, logger } = this.#components;
    const { signal } = this.#stopping;
    let granted: GrantedMapping | undefined;
    try {
      granted = await withTimeout(clock, attemptMs, 'mapping the port', signal, async (within) => this.#ask(await this.#wish(), within));
    } catch (error) {
      logger.debug('no gateway could be asked to map the port', { error: MaculaError.from(error).message });
    }
    if (granted) this.#grants += 1;
    else this.#failures += 1;
    this.#handle(granted ? { type: 'granted', lifetimeMs: granted.lifetimeMs } : { type: 'failed' });
    if (granted || !this.#core.isMapped(clock.nowMs())) this.#keep(granted);
  }

  /** What to ask for; undefined where no interface has an address that a gateway could map to. */
  async #wish(): Promise<MappingWish | undefined> {
    const { gateway: findGateway, sourceAddress, local } = this.#components;
    const gateway = await findGateway();
    const inside = local().filter(({ host }) => !host.includes(':') && addressScope(host) === 'private');
    const source = gateway === undefined ? undefined : await sourceAddress({ host: gateway, port: gatewayPort });
    const internal = gateway === undefined ? inside[0] : inside.find(({ host }) => host === source);
    return internal && { internal, externalPort: this.#granted?.external.port ?? internal.port, gateway };
  }

  /** What granted before is asked first. */
  async #ask(wish: MappingWish | undefined, signal: AbortSignal): Promise<GrantedMapping | undefined> {
    if (!wish) return undefined;
    const methods = [...this.#components.methods].sort((a, b) => Number(b === this.#method) - Number(a === this.#method));
    for (const method of methods) {
      const granted = signal.aborted ? undefined : await method.map(wish, signal);
      if (!granted) continue;
      // The gateway is itself behind a NAT, or it says so: its mapping is of no use to the Internet.
      if (granted.external.port !== 0 && addressScope(granted.external.host) === 'public') {
        this.#method = method;
        return granted;
      }
      await this.#release(granted);
    }
    return undefined;
  }

  #keep(granted: GrantedMapping | undefined): void {
    const before = this.#granted;
    this.#granted = granted;
    if (before && granted && sameAddress(before.external, granted.external) && sameAddress(before.internal, granted.internal)) return;
    if (!before && !granted) return;
    const { logger } = this.#components;
    if (granted) logger.info('a gateway maps the port', { protocol: granted.protocol, external: formatAddress(granted.external), internal: formatAddress(granted.internal) });
    else logger.info('no gateway maps the port any more');
    this.#emitter.emit('changed', this.mapping);
  }

  async #release(granted: GrantedMapping): Promise<void> {
    // It takes no longer than that, and that it failed changes nothing.
    await withTimeout(this.#components.clock, releaseMs, 'taking the mapping back', undefined, (signal) => granted.release(signal)).catch(() => undefined);
  }
}

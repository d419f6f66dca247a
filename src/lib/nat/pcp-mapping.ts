import type { Timer } from '../base/clock.js';
import type { GatewayComponents, GrantedMapping, MappingMethod, MappingWish } from './gateway.js';
import { wantedLifetimeSeconds } from './gateway.js';
import {
  gatewayPort, pcpMapRequest, pmpAddressRequest, pmpMapRequest, readPcpMapAnswer, readPmpAddressAnswer, readPmpMapAnswer, type MapAnswer, type MapRequest,
} from './pcp-message.js';

/** The gateway is a millisecond away: what it does not answer within 1.75 s it does not speak (RFC 6886 would wait for two minutes). */
const firstTryMs = 250;
const tries = 3;
/** Enough for the few packets of an exchange. */
const bufferBytes = 65_536;

/** Maps ports by PCP (RFC 6887), and by NAT-PMP (RFC 6886) where the gateway speaks that only. */
export class PcpMapping implements MappingMethod {
  readonly #components: GatewayComponents;
  readonly #nonce: Uint8Array;

  /** @param nonce 12 random bytes, the same after a restart: without it a gateway takes this node for a stranger who wants its port */
  constructor(components: GatewayComponents, nonce: Uint8Array) {
    this.#components = components;
    this.#nonce = nonce;
  }

  async map({ internal, externalPort, gateway }: MappingWish, signal: AbortSignal): Promise<GrantedMapping | undefined> {
    if (gateway === undefined) return undefined;
    const exchange = new GatewayExchange(this.#components, internal.host, gateway);
    const request: MapRequest = { internal, externalPort, lifetimeSeconds: wantedLifetimeSeconds };
    return (await this.#byPcp(exchange, request, signal)) ?? (await this.#byPmp(exchange, request, signal));
  }

  async #byPcp(exchange: GatewayExchange, request: MapRequest, signal: AbortSignal): Promise<GrantedMapping | undefined> {
    const read = (bytes: Buffer): ReturnType<typeof readPcpMapAnswer> => readPcpMapAnswer(bytes, request, this.#nonce);
    const granted = await exchange.ask(() => pcpMapRequest(request, this.#nonce), read, signal);
    if (granted === undefined) return undefined;
    const { external, lifetimeSeconds } = granted;
    const taking = { ...request, externalPort: external.port, lifetimeSeconds: 0 };
    const release = async (within: AbortSignal): Promise<void> => {
      await exchange.ask(() => pcpMapRequest(taking, this.#nonce), (bytes) => readPcpMapAnswer(bytes, taking, this.#nonce), within);
    };
    return { protocol: 'pcp', external, internal: request.internal, lifetimeMs: lifetimeSeconds * 1000, release };
  }

  async #byPmp(exchange: GatewayExchange, request: MapRequest, signal: AbortSignal): Promise<GrantedMapping | undefined> {
    const address = await exchange.ask(pmpAddressRequest, readPmpAddressAnswer, signal);
    if (address === undefined) return undefined;
    const granted = await exchange.ask(() => pmpMapRequest(request), (bytes) => readPmpMapAnswer(bytes, request), signal);
    if (granted === undefined) return undefined;
    const taking = { ...request, lifetimeSeconds: 0 };
    const release = async (within: AbortSignal): Promise<void> => {
      await exchange.ask(() => pmpMapRequest(taking), (bytes) => readPmpMapAnswer(bytes, taking), within);
    };
    const { externalPort, lifetimeSeconds } = granted;
    return { protocol: 'nat-pmp', external: { host: address.host, port: externalPort }, internal: request.internal, lifetimeMs: lifetimeSeconds * 1000, release };
  }
}

/** Questions to one gateway over a socket of its own each; only what comes from the gateway's own port counts. */
class GatewayExchange {
  readonly #components: GatewayComponents;

  constructor(
    components: GatewayComponents,
    private readonly localHost: string,
    private readonly gateway: string,
  ) {
    this.#components = components;
  }

  /** Resolves with what the gateway granted; undefined where it refuses, speaks another version, or is silent. */
  async ask<Granted>(
    request: () => Uint8Array,
    read: (bytes: Buffer) => MapAnswer<Granted> | undefined,
    signal: AbortSignal,
  ): Promise<({ readonly type: 'granted' } & Granted) | undefined> {
    const { openSocket, clock } = this.#components;
    const socket = await openSocket({ host: this.localHost, port: 0, bufferBytes });
    try {
      return await new Promise((resolve) => {
        let timer: Timer | undefined;
        const finish = (answer: MapAnswer<Granted> | undefined): void => {
          timer?.cancel();
          signal.removeEventListener('abort', onAbort);
          resolve(answer?.type === 'granted' ? answer : undefined);
        };
        const onAbort = (): void => finish(undefined);
        const attempt = (tried: number): void => {
          if (tried === tries || signal.aborted) return finish(undefined);
          const bytes = Buffer.from(request());
          socket.send(bytes, bytes.length, this.gateway, gatewayPort, () => undefined);
          timer = clock.setTimer(firstTryMs * 2 ** tried, () => attempt(tried + 1));
        };
        signal.addEventListener('abort', onAbort, { once: true });
        socket.onError(() => undefined);
        socket.onMessage((bytes, host, port) => {
          const answer = host === this.gateway && port === gatewayPort ? read(bytes) : undefined;
          if (answer) finish(answer);
        });
        attempt(0);
      });
    } finally {
      await socket.close();
    }
  }
}

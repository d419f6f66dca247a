import { isIPv4 } from 'node:net';
import { addressScope, type SocketAddress } from '../base/address.js';
import { delay } from '../base/abort.js';
import { MaculaError } from '../base/errors.js';
import type { UdpSocket } from '../transport/udp-socket.js';
import type { GatewayComponents, GrantedMapping, MappingMethod, MappingWish } from './gateway.js';
import { wantedLifetimeSeconds } from './gateway.js';
import { askGateway, type HttpAnswer } from './gateway-http.js';
import { readDescription, readElement, readSearchAnswer, searchRequests, soapRequest, ssdpGroup, ssdpPort, type IgdControl } from './igd-message.js';

/** When the search is sent, milliseconds, and when it is over: devices answer within the second named in MX, if the packets get there. */
const searchAtMs: readonly number[] = [0, 400, 1200];
const searchEndMs = 2400;
const bufferBytes = 65_536;
/** UPnP IGD 1, table of AddPortMapping: the port is another host's; only mappings without an end are made. */
const conflict = '718';
const onlyPermanent = '725';
/** Outer ports tried: the node's own, then others at random. */
const portTries = 3;
const firstOtherPort = 20_000;
const otherPorts = 40_000;

/** Maps ports by UPnP (Internet Gateway Device 1 and 2, services WANIPConnection and WANPPPConnection). */
export class IgdMapping implements MappingMethod {
  readonly #components: GatewayComponents;

  constructor(components: GatewayComponents) {
    this.#components = components;
  }

  async map(wish: MappingWish, signal: AbortSignal): Promise<GrantedMapping | undefined> {
    try {
      const description = await this.#search(wish, signal);
      if (!description) return undefined;
      const { status, body } = await askGateway(this.#components.clock, description, undefined, signal);
      const control = status === 200 ? readDescription(body, description) : undefined;
      return control && (await this.#mapAt(control, wish, signal));
    } catch (error) {
      // What a gateway that is broken or hostile does to a request is no failure of the node.
      if (error instanceof MaculaError) return undefined;
      throw error;
    }
  }

  /** Finds the description: asks the gateway itself, and everybody on the network; where the gateway is known nobody else is believed. */
  async #search({ internal, gateway }: MappingWish, signal: AbortSignal): Promise<URL | undefined> {
    const { openSocket, clock } = this.#components;
    const socket = await openSocket({ host: internal.host, port: 0, bufferBytes });
    try {
      socket.onError(() => undefined);
      const over = new AbortController();
      const within = AbortSignal.any([signal, over.signal]);
      const found = new Promise<URL>((resolve) => {
        socket.onMessage((bytes, from) => {
          const isBelieved = gateway === undefined ? addressScope(from) === 'private' : from === gateway;
          const url = isBelieved ? readSearchAnswer(bytes, from) : undefined;
          if (url) resolve(url);
        });
      });
      const asked = this.#sendSearches(socket, gateway, within).then(() => delay(clock, searchEndMs - searchAtMs.at(-1)!, within)).then(() => undefined, () => undefined);
      return await Promise.race([found, asked]).finally(() => over.abort());
    } finally {
      await socket.close();
    }
  }

  async #sendSearches(socket: UdpSocket, gateway: string | undefined, signal: AbortSignal): Promise<void> {
    let atMs = 0;
    for (const nextMs of searchAtMs) {
      if (nextMs > atMs) await delay(this.#components.clock, nextMs - atMs, signal);
      atMs = nextMs;
      for (const host of gateway === undefined ? [ssdpGroup] : [gateway, ssdpGroup]) {
        for (const bytes of searchRequests(host)) socket.send(bytes, bytes.length, host, ssdpPort, () => undefined);
      }
    }
  }

  async #mapAt(control: IgdControl, wish: MappingWish, signal: AbortSignal): Promise<GrantedMapping | undefined> {
    const address = await this.#call(control, 'GetExternalIPAddress', {}, signal);
    const host = address.status === 200 ? readElement(address.body, 'NewExternalIPAddress') : undefined;
    if (host === undefined || !isIPv4(host)) return undefined;
    let [port, leaseSeconds] = [wish.externalPort, wantedLifetimeSeconds];
    for (let tried = 0; tried < portTries; tried++) {
      const answer = await this.#add(control, wish.internal, port, leaseSeconds, signal);
      if (answer.status === 200) return this.#granted(control, wish.internal, { host, port });
      const code = readElement(answer.body, 'errorCode');
      if (code === onlyPermanent && leaseSeconds !== 0) leaseSeconds = 0;
      else if (code === conflict) port = firstOtherPort + this.#components.random.integer(otherPorts);
      else return undefined;
    }
    return undefined;
  }

  #add(control: IgdControl, internal: SocketAddress, port: number, leaseSeconds: number, signal: AbortSignal): Promise<HttpAnswer> {
    return this.#call(control, 'AddPortMapping', {
      NewRemoteHost: '',
      NewExternalPort: port,
      NewProtocol: 'UDP',
      NewInternalPort: internal.port,
      NewInternalClient: internal.host,
      NewEnabled: 1,
      NewPortMappingDescription: 'macula',
      NewLeaseDuration: leaseSeconds,
    }, signal);
  }

  #granted(control: IgdControl, internal: SocketAddress, external: SocketAddress): GrantedMapping {
    return {
      protocol: 'upnp',
      external,
      internal,
      // One without an end is renewed all the same: a router that was switched off has forgotten it.
      lifetimeMs: wantedLifetimeSeconds * 1000,
      release: async (signal) => {
        await this.#call(control, 'DeletePortMapping', { NewRemoteHost: '', NewExternalPort: external.port, NewProtocol: 'UDP' }, signal).catch(() => undefined);
      },
    };
  }

  #call({ serviceType, url }: IgdControl, action: string, values: Record<string, string | number>, signal: AbortSignal): Promise<HttpAnswer> {
    return askGateway(this.#components.clock, url, { action: `${serviceType}#${action}`, body: soapRequest(serviceType, action, values) }, signal);
  }
}

import { abortError } from '../base/abort.js';
import { formatAddress, type SocketAddress } from '../base/address.js';
import { classifyNat, type Arrival, type MappingSample, type NatSamples } from './nat-classifier.js';
import type { NatFinding, NatServerReport } from './nat-finding.js';
import { ProbeSocket, type ProbeSocketComponents } from './probe-socket.js';
import type { StunAnswer, StunClient, StunRetransmission } from './stun-client.js';
import { bindingMethod, encodeStun } from './stun-message.js';
import type { Vantage } from './vantage.js';

/** What does not come within 1.4 s of three tries counts as filtered: a slow or lossy path has had its chance, and people wait. */
const unasked: StunRetransmission = { rtoMs: 200, tries: 3 };
/** What a NAT turns back goes no further than to the NAT: as long as the rest of a measurement takes is enough. */
const turnedBack: StunRetransmission = { rtoMs: 200, tries: 3 };
/** More vantages add time and no knowledge. */
const maxVantages = 4;
/** Servers a fresh socket asks: two hosts and a second port of each. */
const serversPerSocket = 4;
/** How often ports are looked at that seem to be given at random: other packets may have fallen between. */
const maxLooks = 3;

export interface MeasurementComponents extends ProbeSocketComponents {
  /** Through whose socket the node's own port is asked about; a fresh one where absent. */
  readonly own?: { readonly client: StunClient; readonly port: number } | undefined;
  readonly localHosts: () => readonly string[];
  /** The address packets to a server leave from. */
  readonly sourceAddress: (server: SocketAddress) => Promise<string | undefined>;
}

interface Reached {
  readonly vantage: Vantage;
  readonly answer: StunAnswer;
  readonly mapped: SocketAddress;
}

/** One discovery: asks vantages, tries what gets in, and classifies. Takes a few round trips, or about two seconds where packets are filtered. */
export class NatMeasurement {
  readonly #components: MeasurementComponents;
  readonly #host: string;
  readonly #signal: AbortSignal;
  readonly #sockets: ProbeSocket[] = [];

  /** @param host IP address to bind; empty means all */
  constructor(components: MeasurementComponents, host: string, signal: AbortSignal) {
    this.#components = components;
    this.#host = host;
    this.#signal = signal;
  }

  /** @throws MaculaError MACULA_ABORTED, or where no socket can be had */
  async run(vantages: readonly Vantage[]): Promise<NatFinding> {
    try {
      const asked = vantages.slice(0, maxVantages);
      const { own } = this.#components;
      const client = own?.client ?? (await this.#open()).client;
      const ownPort = own?.port ?? this.#sockets[0]!.localPort;
      const answers = await Promise.all(asked.map((vantage) => client.request(vantage.address, { signal: this.#signal })));
      const reached = asked.flatMap((vantage, index): Reached[] => {
        const answer = answers[index];
        const mapped = answer && mappedBy(answer);
        return answer && mapped ? [{ vantage, answer, mapped }] : [];
      });
      const servers = asked.map(({ address }, index): NatServerReport => ({ address, mapped: answers[index] && mappedBy(answers[index]), rttMs: answers[index]?.rttMs }));
      const samples = reached.length === 0 ? this.#silence(asked, ownPort) : await this.#sample(reached);
      if (this.#signal.aborted) throw abortError(this.#signal);
      const localHost = asked[0] && (await this.#components.sourceAddress((reached[0]?.vantage ?? asked[0]).address));
      return {
        ...classifyNat(samples),
        publicAddress: reached[0]?.mapped,
        localAddress: localHost === undefined ? undefined : { host: localHost, port: ownPort },
        servers,
        measuredAtMs: this.#components.clock.wallMs(),
      };
    } finally {
      await Promise.all(this.#sockets.splice(0).map((socket) => socket.close()));
    }
  }

  #silence(asked: readonly Vantage[], localPort: number): NatSamples {
    const mappings = asked.map(({ address }) => ({ localPort, server: address, mapped: undefined }));
    return { localHosts: [], mappings, fromOtherPort: 'untested', fromOtherHost: 'untested', hairpin: undefined };
  }

  async #sample(reached: readonly Reached[]): Promise<NatSamples> {
    const localHosts = this.#components.localHosts();
    const servers = await this.#serversOf(reached);
    const { first, second, mappings } = await this.#mappings(servers, localHosts);
    const mapped = mappings[0]?.mapped;
    const behindNat = mapped !== undefined && !localHosts.includes(mapped.host);
    const [filtering, hairpin] = await Promise.all([this.#filtering(reached), behindNat ? this.#hairpin(first, second, mapped) : undefined]);
    return { localHosts, mappings, ...filtering, hairpin };
  }

  /** Addresses to ask: the vantages' own first, then a second port of one and what else there is. */
  async #serversOf(reached: readonly Reached[]): Promise<SocketAddress[]> {
    const others = await Promise.all(reached.map(({ vantage, answer }) => vantage.others(answer, this.#signal)));
    const hosts = new Map<string, SocketAddress>();
    for (const { vantage } of reached) if (!hosts.has(vantage.address.host)) hosts.set(vantage.address.host, vantage.address);
    const all = [...[...hosts.values()].slice(0, 2), ...others.flat(), ...reached.map(({ vantage }) => vantage.address)];
    return [...new Map(all.map((address) => [formatAddress(address), address])).values()].slice(0, serversPerSocket);
  }

  /** Looks from two fresh sockets; again, from others, while the ports seem to be at random. */
  async #mappings(servers: readonly SocketAddress[], localHosts: readonly string[]): Promise<{ first: ProbeSocket; second: ProbeSocket; mappings: MappingSample[] }> {
    const look = async (): Promise<{ first: ProbeSocket; second: ProbeSocket; mappings: MappingSample[] }> => {
      const [first, second] = [await this.#open(), await this.#open()];
      const mappings = await Promise.all([this.#mappingsOf(first, servers), this.#mappingsOf(second, servers.slice(0, 2))]);
      return { first, second, mappings: mappings.flat() };
    };
    const kindOf = (mappings: readonly MappingSample[]): string => classifyNat({ localHosts, mappings, fromOtherPort: 'untested', fromOtherHost: 'untested', hairpin: undefined }).allocation.kind;
    const firstLook = await look();
    for (let looks = 1; looks < maxLooks && kindOf(firstLook.mappings) === 'random'; looks += 1) {
      const another = await look();
      if (kindOf(another.mappings) === 'sequential') return another;
    }
    return firstLook;
  }

  /** All are asked at once: what leaves in one go gets ports that follow each other, where the NAT gives them in sequence, whatever else is sent between two round trips. */
  #mappingsOf(socket: ProbeSocket, servers: readonly SocketAddress[]): Promise<MappingSample[]> {
    return Promise.all(
      servers.map(async (server) => {
        const answer = await socket.client.request(server, { signal: this.#signal });
        return { localPort: socket.localPort, server, mapped: answer && mappedBy(answer) };
      }),
    );
  }

  /** Asks one vantage after the other until both questions are answered, each from a fresh socket. */
  async #filtering(reached: readonly Reached[]): Promise<{ fromOtherPort: Arrival; fromOtherHost: Arrival }> {
    let [fromOtherPort, fromOtherHost]: [Arrival, Arrival] = ['untested', 'untested'];
    for (const { vantage } of reached) {
      if (fromOtherPort !== 'untested' && fromOtherHost !== 'untested') break;
      const socket = await this.#open(unasked);
      const answer = await socket.client.request(vantage.address, { signal: this.#signal });
      const mapped = answer && mappedBy(answer);
      if (!mapped) continue;
      const [port, host] = await Promise.all([vantage.unasked('port', socket, mapped, this.#signal), vantage.unasked('host', socket, mapped, this.#signal)]);
      if (fromOtherPort === 'untested') fromOtherPort = port;
      if (fromOtherHost === 'untested') fromOtherHost = host;
    }
    return { fromOtherPort, fromOtherHost };
  }

  /** Sends to the first socket's public address, from it and from the other: what the NAT lets back in may come by either. That nothing came proves nothing. */
  async #hairpin(first: ProbeSocket, second: ProbeSocket, mapped: SocketAddress): Promise<true | undefined> {
    const attempts = [first, second].map((from) => {
      const transactionId = first.client.newTransactionId();
      const bytes = encodeStun({ class: 'indication', method: bindingMethod, transactionId });
      return first.client.expect(transactionId, () => from.send(bytes, mapped), this.#signal, turnedBack);
    });
    const winner = Promise.any(attempts.map(async (attempt) => (await attempt) ?? Promise.reject(new Error('nothing came'))));
    return winner.then(() => true as const, () => undefined);
  }

  async #open(retransmission?: StunRetransmission): Promise<ProbeSocket> {
    const socket = await ProbeSocket.open(this.#components, this.#host, retransmission);
    this.#sockets.push(socket);
    return socket;
  }
}

/** The address a server saw, whichever way it says so. */
export function mappedBy({ message }: StunAnswer): SocketAddress | undefined {
  return message.class === 'success' ? (message.xorMappedAddress ?? message.mappedAddress) : undefined;
}

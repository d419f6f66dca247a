import { untilAborted, withTimeout } from '../base/abort.js';
import { formatAddress, type SocketAddress } from '../base/address.js';
import type { ErrorCode } from '../base/error-catalogue.js';
import { MaculaError } from '../base/errors.js';
import type { Settings } from '../config/schema.js';
import { parseNodeId, type NodeId } from '../identity/node-id.js';
import { parsePeerUrl, type PeerUrl } from '../identity/peer-url.js';
import type { Session } from '../session/session.js';
import { untrustedError } from '../session/untrusted-error.js';
import { PeerCloseCode } from './close-codes.js';
import { raceAddresses, raceWays } from './dial-race.js';
import type { PeersComponents } from './ports.js';

type DiallerComponents = Pick<PeersComponents, 'sessions' | 'book' | 'pins' | 'resolver' | 'otherWays' | 'clock' | 'nodeId'>;

interface Destination {
  readonly url: PeerUrl | undefined;
  /** The id the node must prove: dialled by it, named in the URL, or remembered for it. */
  readonly expectedId: NodeId | undefined;
  readonly addresses: readonly SocketAddress[];
}

/** Refusals of a peer that has shown the id that was expected. */
const answers: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['MACULA_PEER_UNTRUSTED', 'MACULA_REALM_MISMATCH', 'MACULA_REALM_PROOF_FAILED', 'MACULA_VERSION_MISMATCH']);

/** Reaches one peer by its URL or id: finds its addresses, races them, and holds what answers to its pin. */
export class PeerDialler {
  constructor(
    private readonly components: DiallerComponents,
    private readonly settings: Pick<Settings, 'dialTimeoutMs'>,
  ) {}

  /**
   * Resolves with the admitted session.
   * @param target a URL as parsePeerUrl writes it, or a node id
   * @param options whether others may be asked where the node is
   * @throws MaculaError as SessionManager.dial, and MACULA_PIN_MISMATCH, MACULA_PEER_UNTRUSTED, MACULA_TIMED_OUT
   */
  dial(target: string, signal: AbortSignal, options: { mayLookUp: boolean } = { mayLookUp: false }): Promise<Session> {
    const { clock, otherWays } = this.components;
    return withTimeout(clock, this.settings.dialTimeoutMs, `dialling ${target}`, signal, async (stop) => {
      const destination = await untilAborted(this.#destination(target), stop);
      const { expectedId, addresses } = destination;
      // What the peer itself answered it would answer by a relay as well, and somebody may be waiting for it.
      const isAnswer = ({ code }: MaculaError): boolean => expectedId !== undefined && answers.has(code);
      const directly = (lost: AbortSignal): Promise<Session> => raceAddresses(clock, addresses, lost, (address, ended) => this.#attempt(destination, address, ended), isAnswer);
      const otherwise = (lost: AbortSignal): Promise<Session> => otherWays!.dial(expectedId!, { ...options, signal: lost });
      const ways = expectedId === undefined || !otherWays ? [directly] : addresses.length > 0 ? [directly, otherwise] : [otherwise];
      const session = await raceWays(ways, stop, (failure, index) => ways[index] === directly && isAnswer(failure));
      if (session.connection.route.kind === 'relay') this.components.book.connected(session.nodeId, undefined);
      await this.#checkPin(destination, session);
      return session;
    });
  }

  async #destination(target: string): Promise<Destination> {
    const { book, pins, nodeId } = this.components;
    const id = parseNodeId(target);
    const url = id === undefined ? parsePeerUrl(target) : undefined;
    const expectedId = id ?? url?.nodeId ?? pins.pinned(target);
    if (expectedId === nodeId) throw new MaculaError('MACULA_SELF_DIAL', `${target} is this node itself`);
    if (expectedId !== undefined && pins.isDenied(expectedId)) throw untrustedError(expectedId);
    const remembered = expectedId === undefined ? [] : book.addresses(expectedId);
    const resolved = url ? await this.#resolve(url, remembered.length > 0) : [];
    const addresses = new Map([...resolved, ...remembered].map((address) => [formatAddress(address), address]));
    return { url, expectedId, addresses: [...addresses.values()] };
  }

  /** @param optional whether other addresses of the node are known */
  async #resolve({ host, port }: PeerUrl, optional: boolean): Promise<SocketAddress[]> {
    try {
      return (await this.components.resolver.resolve(host)).map((address) => ({ host: address, port }));
    } catch (cause) {
      if (optional) return [];
      throw new MaculaError('MACULA_UNREACHABLE', `the name ${host} cannot be resolved`, { details: { host }, hint: 'Check the name and the DNS settings of this machine.', cause });
    }
  }

  async #attempt({ url, expectedId }: Destination, address: SocketAddress, signal: AbortSignal): Promise<Session> {
    const { book, sessions } = this.components;
    try {
      const session = await sessions.dial({ kind: 'direct', address }, expectedId === undefined ? { signal } : { expectedId, signal });
      // The peer may have come to us meanwhile: that says nothing about this address.
      book.connected(session.nodeId, session.direction === 'out' ? address : undefined);
      return session;
    } catch (error) {
      const failure = MaculaError.from(error);
      if (failure.code !== 'MACULA_ID_MISMATCH' || expectedId === undefined) throw failure;
      book.dropAddress(expectedId, address);
      throw url && url.nodeId === undefined ? this.#pinMismatch(url, expectedId, failure) : failure;
    }
  }

  #pinMismatch(url: PeerUrl, expected: NodeId, cause: MaculaError): MaculaError {
    const got = cause.details['nodeId'];
    const shown = typeof got === 'string' ? `shows node id ${got}` : 'shows another node id';
    return new MaculaError('MACULA_PIN_MISMATCH', `${url.url} ${shown}, but ${expected} is remembered for it`, {
      details: { url: url.url, expected, got },
      hint: `If the node there was replaced on purpose, accept it with \`macula peers trust ${url.url}\`. Otherwise somebody else answers at that address.`,
      cause,
    });
  }

  async #checkPin({ url, expectedId }: Destination, session: Session): Promise<void> {
    const { pins } = this.components;
    if (pins.isDenied(session.nodeId)) {
      await session.close(PeerCloseCode.untrusted, 'marked untrusted');
      throw untrustedError(session.nodeId);
    }
    if (!url || expectedId !== undefined) return;
    // Another dial to the same URL may have pinned it meanwhile.
    if (pins.check(url.url, session.nodeId) === 'first-use') await pins.pin(url.url, session.nodeId);
  }
}

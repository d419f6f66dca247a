import type { SocketAddress } from '../base/address.js';
import type { Arrival } from './nat-classifier.js';
import type { ProbeSocket } from './probe-socket.js';
import type { StunAnswer } from './stun-client.js';

/** Somebody outside who tells how this node is seen from there. */
export interface Vantage {
  /** Answers STUN. */
  readonly address: SocketAddress;
  /** Further addresses that answer STUN, best with another port of the same host among them. */
  others(answer: StunAnswer, signal: AbortSignal): Promise<readonly SocketAddress[]>;
  /**
   * Has a packet sent to a socket that has spoken with `address` alone.
   * @param from the same host's other port, or another host
   * @param mapped how `address` sees the socket
   */
  unasked(from: 'port' | 'host', socket: ProbeSocket, mapped: SocketAddress, signal: AbortSignal): Promise<Arrival>;
}

/** A STUN server; one with OTHER-ADDRESS tells about filtering, too (RFC 5780). */
export class StunServerVantage implements Vantage {
  #other: SocketAddress | undefined;

  constructor(readonly address: SocketAddress) {}

  async others(answer: StunAnswer): Promise<readonly SocketAddress[]> {
    const other = answer.message.otherAddress;
    // One that calls itself its own other has only one address.
    if (!other || other.host === this.address.host || other.port === this.address.port) return [];
    this.#other = other;
    return [{ host: this.address.host, port: other.port }, other];
  }

  async unasked(from: 'port' | 'host', socket: ProbeSocket, _mapped: SocketAddress, signal: AbortSignal): Promise<Arrival> {
    if (!this.#other) return 'untested';
    const answer = await socket.client.request(this.address, { changeRequest: { host: from === 'host', port: true }, signal });
    if (!answer) return signal.aborted ? 'untested' : 'lost';
    const isElsewhere = from === 'host' ? answer.from.host !== this.address.host : answer.from.host === this.address.host && answer.from.port !== this.address.port;
    return answer.message.class === 'success' && isElsewhere ? 'arrived' : 'untested';
  }
}

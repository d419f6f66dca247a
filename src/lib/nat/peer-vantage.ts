import type { SocketAddress } from '../base/address.js';
import type { Session } from '../session/session.js';
import { FrameType } from '../wire/frame-type.js';
import { natProbeBody, readNatProbeReply, type NatProbe, type NatProbeReply } from '../wire/nat-messages.js';
import type { Arrival } from './nat-classifier.js';
import type { ProbeSocket } from './probe-socket.js';
import type { StunAnswer } from './stun-client.js';
import type { Vantage } from './vantage.js';

/** A node may ask another one in turn. */
const probeTimeoutMs = 5000;

/** Another node of the mesh, with which there is a session. */
export class PeerVantage implements Vantage {
  readonly #session: Session;

  /** @param address where the peer's packets come from */
  constructor(
    session: Session,
    readonly address: SocketAddress,
  ) {
    this.#session = session;
  }

  async others(answer: StunAnswer, signal: AbortSignal): Promise<readonly SocketAddress[]> {
    const reply = await this.#ask({ sender: 'none', transactionId: answer.message.transactionId, target: this.address }, signal);
    return reply && reply.otherPort !== 0 ? [{ host: this.address.host, port: reply.otherPort }] : [];
  }

  async unasked(from: 'port' | 'host', socket: ProbeSocket, mapped: SocketAddress, signal: AbortSignal): Promise<Arrival> {
    const { client } = socket;
    const transactionId = client.newTransactionId();
    const probe: NatProbe = { sender: from === 'port' ? 'port' : 'node', transactionId, target: mapped };
    const refused = new AbortController();
    let sent = false;
    const ask = async (): Promise<void> => {
      if ((await this.#ask(probe, signal))?.sent) sent = true;
      else if (!sent) refused.abort();
    };
    const answer = await client.expect(transactionId, () => (void ask(), true), AbortSignal.any([signal, refused.signal]));
    if (!answer) return sent && !signal.aborted ? 'lost' : 'untested';
    return (answer.from.host === this.address.host) === (from === 'port') ? 'arrived' : 'untested';
  }

  async #ask(probe: NatProbe, signal: AbortSignal): Promise<NatProbeReply | undefined> {
    try {
      return readNatProbeReply(await this.#session.request(FrameType.natProbe, natProbeBody(probe), { timeoutMs: probeTimeoutMs, signal }));
    } catch {
      // A peer of an older version, or gone, or with too much to do: it tells nothing.
      return undefined;
    }
  }
}

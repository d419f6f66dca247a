import { string } from '@oclif/core/flags';
import { ClientCommand } from '../../cli/client-command.js';
import { described, timeoutFlag } from '../../cli/flags.js';
import { natText } from '../../cli/nat-text.js';
import { MaculaError } from '../../lib/base/errors.js';
import type { NatProbeResult } from '../../lib/control/protocol-nat.js';

const probeTimeoutMs = 30_000;

export default class NatProbeCommand extends ClientCommand {
  static override summary = 'Find out what NAT this node is behind';
  static override description =
    'With a node running, it asks other nodes of the mesh through the node\'s own port. With --stun it asks these servers instead; where no node runs, from here. Two servers at different addresses tell how the NAT maps, one with two addresses (RFC 5780) what it lets in as well.';
  static override examples = [
    { description: 'As other nodes see this one', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'As two STUN servers see it', command: '<%= config.bin %> <%= command.id %> --stun stun1.example.net:3478 --stun stun2.example.net:3478' },
  ];
  static override flags = {
    stun: string({ description: described('STUN server to ask; may be given several times'), helpValue: '<host:port>', multiple: true }),
    timeout: timeoutFlag('How long the probe may take', probeTimeoutMs),
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(NatProbeCommand);
    const stun = flags.stun ?? [];
    const timeoutMs = this.timeoutMs(flags.timeout, probeTimeoutMs);
    const report = await this.#probe(flags, stun, timeoutMs);
    this.output.result(report, () => natText(report));
  }

  /** Through the node, as its port is what matters; without one only if somebody was named to ask. */
  async #probe(flags: { socket?: string; 'data-dir'?: string }, stun: readonly string[], timeoutMs: number): Promise<NatProbeResult> {
    try {
      return await this.withClient(flags, (client) => client.natProbe({ stun: [...stun] }, timeoutMs, this.signal));
    } catch (error) {
      if (!(error instanceof MaculaError) || error.code !== 'MACULA_NO_NODE') throw error;
      if (stun.length === 0) throw new MaculaError('MACULA_NO_NODE', error.message, { details: error.details, hint: 'Start one with `macula node start`, or probe without a node: `macula nat probe --stun HOST:PORT`.', cause: error });
    }
    const { probeAlone } = await import('../../lib/nat/stand-alone-probe.js');
    const { withTimeout } = await import('../../lib/base/abort.js');
    const { systemClock } = await import('../../lib/base/clock.js');
    const report = await withTimeout(systemClock, timeoutMs, 'the probe', this.signal, (within) => probeAlone(stun, within));
    return { ...report, servers: [...report.servers] };
  }
}

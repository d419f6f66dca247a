import { string } from '@oclif/core/args';
import { boolean } from '@oclif/core/flags';
import { ClientCommand } from '../../cli/client-command.js';
import { given } from '../../cli/dht-arguments.js';
import { described } from '../../cli/flags.js';
import { callTimeout, callTimeoutMs, nodeFlag, procedureArgument, readJsonArgument } from '../../cli/rpc-arguments.js';
import { printable } from '../../cli/text.js';

export default class RpcCallCommand extends ClientCommand {
  static override summary = 'Call a procedure and print its result';
  static override description =
    'The result is printed as JSON. Exits with 4 at once when nobody serves the procedure, with 7 when it ran and failed, with 6 when it is not open to this node, and with 5 when no answer came in time. ' +
    'In the error\'s details, executed says whether it may have run.';
  static override examples = [
    { description: 'With an object', command: '<%= config.bin %> <%= command.id %> math.add \'{"a":1,"b":2}\'' },
    { description: 'At a certain node', command: '<%= config.bin %> <%= command.id %> macula.info --node 3f9a2c41' },
    { description: 'Arguments from stdin (@file takes them from a file), tried again elsewhere where need be', command: 'echo \'{"page":1}\' | <%= config.bin %> <%= command.id %> render - --idempotent --timeout 30s' },
  ];
  static override args = {
    procedure: procedureArgument,
    args: string({ description: 'The arguments as JSON, @file for the content of a file, or - for stdin; null where absent', ignoreStdin: true }),
  };
  static override flags = {
    node: nodeFlag,
    idempotent: boolean({ description: described('Running it twice does no harm: try again, at another node too, where it may have run') }),
    hedge: boolean({ description: described('Ask a second node when the first is slow'), dependsOn: ['idempotent'] }),
    timeout: callTimeout,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RpcCallCommand);
    const timeoutMs = this.timeoutMs(flags.timeout, callTimeoutMs);
    const value = await readJsonArgument(args.args, () => process.stdin);
    const request = { procedure: args.procedure, args: value, idempotent: flags.idempotent, hedge: flags.hedge, ...given({ node: flags.node }), timeoutMs };
    const outcome = await this.withClient(flags, (client) => client.rpcCall(request, this.signal));
    this.output.result(outcome, () => printable(JSON.stringify(outcome.result)));
  }
}

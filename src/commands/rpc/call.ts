import { Readable } from 'node:stream';
import { string } from '@oclif/core/args';
import { boolean, string as stringFlag } from '@oclif/core/flags';
import { ClientCommand } from '../../cli/client-command.js';
import { given } from '../../cli/dht-arguments.js';
import { described } from '../../cli/flags.js';
import { callTimeout, callTimeoutMs, nodeFlag, procedureArgument, readJsonArgument } from '../../cli/rpc-arguments.js';
import { openStreamInput } from '../../cli/rpc-stream-input.js';
import { printable } from '../../cli/text.js';
import { MaculaError } from '../../lib/base/errors.js';
import type { RpcStreamRequest } from '../../lib/control/protocol-rpc.js';

/** Accepting a stream is bounded by the node's own setting rpcTimeoutMs; longer than any sensible value of it. */
const acceptMs = 60_000;

export default class RpcCallCommand extends ClientCommand {
  static override summary = 'Call a procedure and print its result, or its results as they come';
  static override description =
    'The result is printed as JSON. Exits with 4 at once when nobody serves the procedure, with 7 when it ran and failed, with 6 when it is not open to this node, and with 5 when no answer came in time. ' +
    'In the error\'s details, executed says whether it may have run. ' +
    'With --stream, each result of a procedure that streams is printed on a line of its own as it comes, and each line of --input is a value that goes in; there is no time limit unless --timeout sets one, and Ctrl-C cancels the procedure, too.';
  static override examples = [
    { description: 'With an object', command: '<%= config.bin %> <%= command.id %> math.add \'{"a":1,"b":2}\'' },
    { description: 'At a certain node', command: '<%= config.bin %> <%= command.id %> macula.info --node 3f9a2c41' },
    { description: 'Arguments from stdin (@file takes them from a file), tried again elsewhere where need be', command: 'echo \'{"page":1}\' | <%= config.bin %> <%= command.id %> render - --idempotent --timeout 30s' },
    { description: 'Results as they come', command: '<%= config.bin %> <%= command.id %> log.follow \'{"unit":"web"}\' --stream' },
    { description: 'Values in from stdin, a line each, results out (@file takes them from a file)', command: 'seq 5 | <%= config.bin %> <%= command.id %> calculator.total 0 --stream --input -' },
  ];
  static override args = {
    procedure: procedureArgument,
    args: string({ description: 'The arguments as JSON, @file for the content of a file, or - for stdin; null where absent', ignoreStdin: true }),
  };
  static override flags = {
    node: nodeFlag,
    idempotent: boolean({ description: described('Running it twice does no harm: try again, at another node too, where it may have run') }),
    hedge: boolean({ description: described('Ask a second node when the first is slow'), dependsOn: ['idempotent'] }),
    stream: boolean({ description: described('Print each result of a procedure that streams as it comes'), exclusive: ['hedge'] }),
    input: stringFlag({ description: described('Values that go in, a line of JSON each: - for stdin, @file for a file'), helpValue: '<-|@file>', dependsOn: ['stream'] }),
    timeout: callTimeout,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RpcCallCommand);
    if (args.args === '-' && flags.input === '-') throw new MaculaError('MACULA_USAGE', 'stdin can hold the arguments or the input, not both', { hint: 'Take one of them from a file with @file.' });
    const value = await readJsonArgument(args.args, () => process.stdin);
    const call = { procedure: args.procedure, args: value, idempotent: flags.idempotent, ...given({ node: flags.node }) };
    if (flags.stream) return this.#stream(flags, call);
    const timeoutMs = this.timeoutMs(flags.timeout, callTimeoutMs);
    const outcome = await this.withClient(flags, (client) => client.rpcCall({ ...call, hedge: flags.hedge, timeoutMs }, this.signal));
    this.output.result(outcome, () => printable(JSON.stringify(outcome.result)));
  }

  async #stream(flags: { input?: string | undefined; timeout?: number | undefined; socket?: string | undefined; 'data-dir'?: string | undefined }, call: RpcStreamRequest): Promise<void> {
    const request = { ...call, ...given({ timeoutMs: flags.timeout }) };
    const input = flags.input === undefined ? Readable.from([]) : await openStreamInput(flags.input, () => process.stdin);
    await this.withClient(flags, async (client) => {
      for await (const event of client.rpcStream(request, input, acceptMs, this.signal)) {
        if (this.output.json) this.output.object(event);
        else if (event.event === 'value') this.output.text(printable(JSON.stringify(event.value)));
      }
      this.signal.throwIfAborted();
    }).finally(() => {
      // Whoever feeds it may go on for ever; nobody reads it any more.
      if (flags.input === '-') process.stdin.destroy();
    });
  }
}

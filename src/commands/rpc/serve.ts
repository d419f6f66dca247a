import { boolean, integer, string } from '@oclif/core/flags';
import { ClientCommand } from '../../cli/client-command.js';
import { described } from '../../cli/flags.js';
import { procedureArgument } from '../../cli/rpc-arguments.js';
import { commandWords } from '../../cli/rpc-serve/command-words.js';
import { commandRunner, urlRunner, type Runner } from '../../cli/rpc-serve/runners.js';
import { serveCalls, type ServedCall } from '../../cli/rpc-serve/serve-calls.js';
import { humanMs, printable, shortId } from '../../cli/text.js';
import { MaculaError } from '../../lib/base/errors.js';

export default class RpcServeCommand extends ClientCommand {
  static override summary = 'Serve a procedure from a command or an HTTP endpoint, until stopped';
  static override description =
    'Prints a line for each call. A command gets the arguments as JSON on stdin and prints the result as JSON; an exit code other than 0 is an error reply with its stderr as the reason. ' +
    'It runs without a shell, and is killed with all it started when the call is cancelled. A URL gets them as a POST. ' +
    'With --stream, each line the command prints is one result, as it comes; after the first line with the arguments, its stdin has the values its caller streams, a line each. ' +
    'Several of these may serve one procedure, also through one node; it is withdrawn when the last one ends.';
  static override examples = [
    { description: 'From a command', command: '<%= config.bin %> <%= command.id %> math.sum --exec "jq add"' },
    { description: 'From an HTTP endpoint', command: '<%= config.bin %> <%= command.id %> orders.find --url http://127.0.0.1:8080/orders' },
    { description: 'Results as they come, a line each', command: '<%= config.bin %> <%= command.id %> log.follow --exec "journalctl --follow --output json" --stream' },
    { description: 'For one node only; more with --allow again', command: '<%= config.bin %> <%= command.id %> backup.run --exec ./backup.sh --allow 8c1e5f0b7a4d29363f9a2c41d05be7768c1e5f0b7a4d29363f9a2c41d05be776' },
  ];
  static override args = { procedure: procedureArgument };
  static override flags = {
    exec: string({ description: described('Command to run for each call; quotes keep words together'), helpValue: '<command>', exactlyOne: ['exec', 'url'] }),
    url: string({ description: described('HTTP endpoint each call is posted to'), helpValue: '<url>' }),
    stream: boolean({ description: described('Each line the command prints is one result, sent as it comes'), dependsOn: ['exec'] }),
    concurrency: integer({ description: described('Calls served at once; more are refused as overloaded'), default: 16, min: 1, max: 10_000, helpValue: '<n>' }),
    allow: string({ description: described('Node id that may call; every node of the realm where absent'), helpValue: '<id>', multiple: true }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(RpcServeCommand);
    const { procedure } = args;
    const runner = flags.stream ? commandWords(flags.exec!) : runnerOf(flags);
    const request = { procedure, concurrency: flags.concurrency, stream: flags.stream, ...(flags.allow && { allow: flags.allow.map(readId) }) };
    await this.withClient(flags, (client) =>
      serveCalls(
        {
          client, runner,
          onServing: () => this.output.result({ event: 'serving', procedure }, () => `serving ${printable(procedure)}; stop with Ctrl-C`),
          onCall: (call) => this.output.result({ event: 'call', ...call }, () => callText(call)),
          nowMs: () => performance.now(),
        },
        request,
        this.signal,
      ),
    );
    this.signal.throwIfAborted();
    throw new MaculaError('MACULA_NO_NODE', 'the node has stopped');
  }
}

function runnerOf({ exec, url }: { exec?: string | undefined; url?: string | undefined }): Runner {
  return exec === undefined ? urlRunner(readUrl(url!)) : commandRunner(commandWords(exec));
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new MaculaError('MACULA_USAGE', `not an HTTP URL: ${JSON.stringify(text)}`, { hint: 'It looks like http://127.0.0.1:8080/path.' });
}

function readId(text: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase();
  throw new MaculaError('MACULA_USAGE', `not a node id: ${JSON.stringify(text)}`, { hint: 'A node id has 64 hexadecimal characters; `macula node status` shows it.' });
}

function callText({ caller, outcome, durationMs, error }: ServedCall): string {
  const reason = error ? `: ${error.status} ${printable(error.message)}` : '';
  return `${shortId(caller)}  ${outcome} in ${humanMs(durationMs)}${reason}`;
}

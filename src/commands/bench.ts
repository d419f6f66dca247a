import { custom, integer, option } from '@oclif/core/flags';
import { benchParametersText, benchProgressText, benchResultText, wayText, type BenchParameters, type BenchWay } from '../cli/bench-text.js';
import { ClientCommand } from '../cli/client-command.js';
import { described, duration, timeoutFlag } from '../cli/flags.js';
import { peerIdArgument } from '../cli/peer-arguments.js';
import { errorCatalogue, type ErrorCode } from '../lib/base/error-catalogue.js';
import { MaculaError } from '../lib/base/errors.js';
import { ExitCode } from '../lib/base/exit-codes.js';
import { parseSizeBytes } from '../lib/base/units.js';
import type { BenchEvent, BenchKind, BenchSummary } from '../lib/control/protocol-bench.js';

const defaultDurationMs = 10_000;
const operationTimeoutMs = 10_000;
const defaults: Record<BenchKind, { readonly concurrency: number; readonly sizeBytes: number }> = {
  rpc: { concurrency: 16, sizeBytes: 64 },
  pubsub: { concurrency: 16, sizeBytes: 64 },
  bulk: { concurrency: 2, sizeBytes: 16 * 1024 * 1024 },
};

const sizeFlag = custom<number>({
  description: described('Payload of one operation, such as 64B, 16KiB or 1MiB; where absent 64B, or 16MiB for bulk'),
  helpValue: '<size>',
  parse: async (text) => (/^\d+$/.test(text) ? Number(text) : parseSizeBytes(text)),
});

export default class BenchCommand extends ClientCommand {
  static override summary = 'Put load on a peer, and show the rate and how long operations take';
  static override description =
    'The load is made inside the node, so the control socket costs nothing. rpc calls macula.echo, so the payload goes both ways; pubsub has the peer subscribe for the time and waits for its acknowledgements; bulk sends transfers that the peer counts. ' +
    'Each of --concurrency workers begins the next operation when its last has ended. Ctrl-C ends it with what it came to until then, and 130. Exits with 8 when some operations failed.';
  static override examples = [
    { description: 'Calls, ten seconds', command: '<%= config.bin %> <%= command.id %> 3f9a2c41' },
    { description: 'One after the other, to see what a call takes', command: '<%= config.bin %> <%= command.id %> 3f9a2c41 --concurrency 1 --duration 3s' },
    { description: 'How fast data goes to it', command: '<%= config.bin %> <%= command.id %> 3f9a2c41 --kind bulk' },
    { description: 'Acknowledged messages of a kilobyte, for a script', command: '<%= config.bin %> <%= command.id %> 3f9a2c41 --kind pubsub --size 1KiB --json' },
  ];
  static override args = { peer: peerIdArgument };
  static override flags = {
    kind: option({ description: described('What to do to it'), options: ['rpc', 'pubsub', 'bulk'] as const, default: 'rpc' as const })(),
    duration: duration({ char: 'd', description: described('How long to go on; 10s where absent') }),
    concurrency: integer({ char: 'c', description: described('Operations under way at once; 16 where absent, or 2 for bulk'), min: 1, max: 1000, helpValue: '<n>' }),
    size: sizeFlag(),
    timeout: timeoutFlag('How long one operation may take', operationTimeoutMs),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(BenchCommand);
    const { kind } = flags;
    const parameters = {
      kind,
      durationMs: flags.duration ?? defaultDurationMs,
      concurrency: flags.concurrency ?? defaults[kind].concurrency,
      sizeBytes: flags.size ?? defaults[kind].sizeBytes,
    };
    const request = { ...parameters, node: args.peer, operationTimeoutMs: this.timeoutMs(flags.timeout, operationTimeoutMs) };
    const run: BenchRun = {};
    try {
      await this.withClient(flags, async (client) => {
        for await (const event of client.bench(request, this.signal)) this.#take(event, run, parameters);
      });
    } catch (error) {
      if (!this.signal.aborted || !run.summary) throw error;
    } finally {
      this.output.progress(undefined);
    }
    this.#report(run, parameters);
    this.exitCode = this.signal.aborted ? ExitCode.interrupted : exitCodeOf(run.summary!);
  }

  #take(event: BenchEvent, run: BenchRun, parameters: BenchParameters): void {
    if (event.event !== 'progress') run.way = { path: event.path, via: event.via };
    if (event.event === 'started') {
      run.nodeId = event.nodeId;
      if (!this.output.json) this.output.text(benchParametersText(event.nodeId, event, parameters));
      return;
    }
    if (event.event === 'finished') run.pathChanged = event.pathChanged;
    run.summary = summaryOf(event);
    this.output.progress(benchProgressText(parameters.kind, run.summary));
  }

  #report({ nodeId, way, pathChanged = false, summary }: BenchRun, parameters: BenchParameters): void {
    const interrupted = this.signal.aborted;
    this.output.result({ nodeId, ...parameters, ...way, pathChanged, ...summary, interrupted }, () => benchResultText(parameters.kind, summary!));
    if (this.output.json) return;
    if (pathChanged) this.output.warn(`the path changed meanwhile; in the end it was ${wayText(way!)}`);
    if (interrupted) this.output.remark('interrupted');
  }
}

/** What has come of a run so far. */
interface BenchRun {
  nodeId?: string;
  way?: BenchWay;
  pathChanged?: boolean;
  summary?: BenchSummary;
}

/** The fields of a summary and nothing else, in the order people look for them. */
function summaryOf({ elapsedMs, operations, bytes, errors, ratePerSecond, bytesPerSecond, latencyMs }: BenchSummary): BenchSummary {
  return { elapsedMs, operations, bytes, errors, ratePerSecond, bytesPerSecond, latencyMs };
}

/** Where nothing succeeded, the code of what failed most. */
function exitCodeOf({ operations, errors }: BenchSummary): ExitCode {
  const [most] = Object.entries(errors).sort(([, a], [, b]) => b - a);
  if (!most) return ExitCode.done;
  if (operations > 0) return ExitCode.partlyDone;
  return errorCatalogue[most[0] as ErrorCode]?.exitCode ?? new MaculaError('MACULA_REMOTE_ERROR', '').exitCode;
}

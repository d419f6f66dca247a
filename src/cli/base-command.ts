import { Command } from '@oclif/core/command';
import type { Config } from '@oclif/core/config';
import { boolean } from '@oclif/core/flags';
import type { Interrupt } from './interrupt.js';
import type { Output } from './output.js';
import { ExitCode } from '../lib/base/exit-codes.js';
import { described } from './flags.js';

/** What every command gets from the process it runs in. */
export interface CommandContext {
  readonly output: Output;
  readonly interrupt: Interrupt;
  readonly env: NodeJS.ProcessEnv;
  /** Version of this copy of Macula. */
  readonly version: string;
  /** Directory of its package.json. */
  readonly root: string;
}

/** A command's class as the run loop sees it. */
export interface CommandClass {
  new (argv: string[], config: Config): BaseCommand;
}

/**
 * Base of all commands. A command parses its flags, prints through `this.output` and throws MaculaError; signals,
 * `--json`, error display and exit codes are the run loop's.
 */
export abstract class BaseCommand extends Command {
  static override baseFlags = {
    json: boolean({ description: 'Print one JSON object a line instead of text', helpGroup: 'GLOBAL' }),
    'no-color': boolean({ description: described('Print plain text', 'NO_COLOR'), helpGroup: 'GLOBAL' }),
  };

  /** Part of the manifest: whether the command talks to a running node. */
  static needsNode = false;

  /** What the process ends with where the command has said itself what is wrong; otherwise it throws. */
  exitCode: ExitCode = ExitCode.done;
  #context: CommandContext | undefined;

  protected get context(): CommandContext {
    if (!this.#context) throw new Error('the command was not started by the run loop');
    return this.#context;
  }

  protected get output(): Output {
    return this.context.output;
  }

  /** Aborts when the user interrupts the command. */
  protected get signal(): AbortSignal {
    return this.context.interrupt.signal;
  }

  /** Runs the command; rejects with whatever it throws. */
  async execute(context: CommandContext): Promise<void> {
    this.#context = context;
    await this._run();
  }

  /** Errors are shown in one place, the run loop. */
  protected override async catch(error: Error): Promise<never> {
    throw error;
  }

  /** oclif prints nothing by itself; results go through `output`. */
  override jsonEnabled(): boolean {
    return false;
  }
}

import { string } from '@oclif/core/flags';
import type { ControlClient } from '../lib/control/client.js';
import { BaseCommand } from './base-command.js';
import { described, timeoutFlag, timeoutOf } from './flags.js';
import { nodeClient } from './node-client.js';

/** Flags that say which node a command is about. */
export const locationFlags = {
  socket: string({ description: described('Control socket of the node', 'MACULA_SOCKET'), helpValue: '<path>', helpGroup: 'GLOBAL' }),
  'data-dir': string({ description: described('Data directory of the node', 'MACULA_DATA_DIR'), helpValue: '<dir>', helpGroup: 'GLOBAL' }),
};

/** What {@link ClientCommand.withClient} needs of a command's flags. */
interface LocationFlags {
  readonly socket?: string | undefined;
  readonly 'data-dir'?: string | undefined;
}

/** How long commands wait for what a node answers at once. */
export const answerTimeoutMs = 5000;

/** The `--timeout` flag of commands that the node answers at once. */
export const answerTimeout = timeoutFlag('How long to wait for the node to answer', answerTimeoutMs);

/** Base of the commands that talk to a running node. */
export abstract class ClientCommand extends BaseCommand {
  static override baseFlags = { ...BaseCommand.baseFlags, ...locationFlags };
  static override needsNode = true;

  /**
   * Runs `work` with a client of the node the flags name, and reports a node of another version.
   * @param answerMs how long the node may take for what it can answer at once
   */
  protected async withClient<Result>(flags: LocationFlags, work: (client: ControlClient) => Promise<Result>, answerMs?: number): Promise<Result> {
    const client = nodeClient({ flags: { ...flags }, answerMs, version: this.context.version });
    try {
      return await work(client);
    } finally {
      if (client.versionSkew) this.output.warn(`the node runs Macula ${client.serverVersion}, this command is ${this.context.version}`);
    }
  }

  /** How long this command may wait: `--timeout`, MACULA_TIMEOUT, or its default. */
  protected timeoutMs(flag: number | undefined, defaultMs = answerTimeoutMs): number {
    return timeoutOf(flag, this.context.env, defaultMs);
  }
}

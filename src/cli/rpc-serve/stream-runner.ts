import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { errnoOf, MaculaError } from '../../lib/base/errors.js';
import { readJsonValues } from '../../lib/control/json-lines.js';
import type { RpcAnswerLine } from '../../lib/control/protocol-rpc.js';
import { Collected, killGroup, maxReasonLength, type RunCall } from './runners.js';

/** Longest line a command may print: one value, in JSON. */
const maxLineBytes = 2 * 1024 * 1024;

/** A command that serves one call which streams. */
export interface StreamRun {
  /** What it prints, a value a line, and at the end why it failed, if it did. */
  readonly lines: AsyncIterable<RpcAnswerLine>;
  /** Gives it one value of the input; resolves when it has room for more. */
  write(value: unknown): Promise<void>;
  /** No more input comes. */
  endInput(): void;
}

/**
 * Starts a command for a call, without a shell: the arguments as JSON on the first line of its stdin, the values its caller streams on
 * the lines after it; each line it prints is one result as JSON. An exit code other than 0 is a failure, with its stderr as the reason.
 * Aborting the signal kills it with all it started.
 */
export function startCommand([program, ...programArgs]: readonly string[], { procedure, args, caller }: RunCall, signal: AbortSignal): StreamRun {
  const env = { ...process.env, MACULA_RPC_PROCEDURE: procedure, MACULA_RPC_CALLER: caller };
  // A group of its own, so that what the command starts ends with it.
  const child = spawn(program!, programArgs, { stdio: ['pipe', 'pipe', 'pipe'], env, detached: true });
  const errors = new Collected(maxReasonLength * 4);
  const onAbort = (): void => {
    if (child.exitCode === null && child.signalCode === null) killGroup(child.pid);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  const ended = new Promise<RpcAnswerLine | undefined>((resolve) => {
    child.once('error', (error) => resolve(failure('UNAVAILABLE', `the command could not be run: ${errnoOf(error) ?? error.message}`)));
    child.once('close', (code, killedBy) => resolve(code === 0 ? undefined : exitFailure(code, killedBy, errors.text.trim())));
  });
  child.stderr.on('data', (chunk: Buffer) => void errors.add(chunk));
  // A command that does not read its input is none the worse for it.
  child.stdin.on('error', () => undefined);
  const write = (value: unknown): Promise<void> => writeLine(child.stdin, value, ended);
  void write(args);

  async function* lines(): AsyncGenerator<RpcAnswerLine, void, void> {
    try {
      for await (const value of readJsonValues(child.stdout, maxLineBytes)) yield { value };
      const failed = await ended;
      if (failed) yield failed;
    } catch (cause) {
      yield failure('INTERNAL', `the output of the command: ${MaculaError.from(cause).message}`);
    } finally {
      signal.removeEventListener('abort', onAbort);
      // Nobody wants what it still has to say.
      if (child.exitCode === null && child.signalCode === null) killGroup(child.pid);
    }
  }
  return { lines: lines(), write, endInput: () => void child.stdin.end() };
}

async function writeLine(stdin: Writable, value: unknown, ended: Promise<unknown>): Promise<void> {
  if (!stdin.writable || stdin.write(`${JSON.stringify(value)}\n`)) return;
  await Promise.race([once(stdin, 'drain').catch(() => undefined), ended]);
}

function failure(status: string, message: string, details: Record<string, unknown> = {}): RpcAnswerLine {
  return { error: { status, message: message.slice(0, maxReasonLength), details } };
}

function exitFailure(code: number | null, killedBy: NodeJS.Signals | null, reason: string): RpcAnswerLine {
  const how = code === null ? `was ended by ${killedBy}` : `exited with ${code}`;
  return failure('UNKNOWN', reason === '' ? `the command ${how}` : reason, code === null ? { signal: killedBy } : { exitCode: code });
}

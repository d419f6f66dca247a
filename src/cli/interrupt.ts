import { ExitCode } from '../lib/base/exit-codes.js';
import { MaculaError } from '../lib/base/errors.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** npm and process groups deliver one Ctrl-C more than once; signals this close together are one. */
const sameSignalMs = 300;

/** How long a command may take to clean up after the first signal before it is ended. */
const cleanupMs = 2000;

/** Turns signals of the operating system into an AbortSignal. */
export class Interrupt {
  readonly #controller = new AbortController();
  #patient = false;
  #firstAtMs = 0;

  /** Aborts at the first SIGINT, SIGTERM or SIGHUP with MACULA_ABORTED. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the command has much to clean up, so that nothing but a second signal may end the process early. */
  get isPatient(): boolean {
    return this.#patient;
  }

  /** From now on only a second signal ends the process early; for a command that has much to clean up. */
  waitForCleanup(): void {
    this.#patient = true;
  }

  /** A second signal, or a clean-up that takes too long, ends the process with 130. */
  listen(): void {
    for (const name of signals) process.on(name, () => this.#interrupted());
  }

  #interrupted(): void {
    const nowMs = performance.now();
    if (this.#controller.signal.aborted) {
      if (nowMs - this.#firstAtMs > sameSignalMs) process.exit(ExitCode.interrupted);
      return;
    }
    this.#firstAtMs = nowMs;
    this.#controller.abort(new MaculaError('MACULA_ABORTED', 'interrupted'));
    if (!this.#patient) setTimeout(() => process.exit(ExitCode.interrupted), cleanupMs).unref();
  }
}

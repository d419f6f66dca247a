import { Writable } from 'node:stream';

/**
 * Holds log lines back until the node is ready, so that the ready object is the first line on stdout. When the node
 * never gets there, the lines go to stderr and stdout is left to the error.
 */
export class ReadyFirstStream extends Writable {
  readonly #streams: { stdout: NodeJS.WritableStream; stderr: NodeJS.WritableStream };
  #held: Buffer[] | undefined = [];

  constructor(streams: { stdout: NodeJS.WritableStream; stderr: NodeJS.WritableStream }) {
    super();
    this.#streams = streams;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#held) {
      this.#held.push(chunk);
      done();
    } else {
      this.#streams.stdout.write(chunk, done);
    }
  }

  /** The node is ready and its ready line written: lines go to stdout from now on. */
  release(): void {
    for (const chunk of this.#held ?? []) this.#streams.stdout.write(chunk);
    this.#held = undefined;
  }

  /** The node is not going to be ready: what is held goes to stderr. */
  giveUp(): void {
    for (const chunk of this.#held ?? []) this.#streams.stderr.write(chunk);
    this.#held = [];
  }
}

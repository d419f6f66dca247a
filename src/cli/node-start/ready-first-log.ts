interface LineSink {
  write(line: string): unknown;
}

/**
 * Holds log lines back until the node is ready, so that the ready object is the first line on stdout. When the node
 * never gets there, the lines go to stderr and stdout is left to the error.
 */
export class ReadyFirstLog implements LineSink {
  readonly #streams: { readonly stdout: LineSink; readonly stderr: LineSink };
  #held: string[] | undefined = [];

  constructor(streams: { readonly stdout: LineSink; readonly stderr: LineSink }) {
    this.#streams = streams;
  }

  write(line: string): void {
    if (this.#held) this.#held.push(line);
    else this.#streams.stdout.write(line);
  }

  /** The node is ready and its ready line written: lines go to stdout from now on. */
  release(): void {
    this.#handOver(this.#streams.stdout);
  }

  /** The node is not going to be ready: what is held goes to stderr. Does nothing once released. */
  giveUp(): void {
    this.#handOver(this.#streams.stderr);
  }

  #handOver(stream: LineSink): void {
    for (const line of this.#held ?? []) stream.write(line);
    this.#held = undefined;
  }
}

import { schemaVersion } from './schema-version.js';

/** A stream as the command line writes to it. */
export interface OutputStream {
  write(text: string | Uint8Array, done?: () => void): boolean;
  readonly isTTY?: boolean;
}

export interface OutputStreams {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

/** What colour is allowed to mean here: never meaning alone, and only on a terminal that wants it. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';
const styleCodes: Record<Style, readonly [number, number]> = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] };

/**
 * Where a command's results and remarks go. Results are for stdout: text for people, or with `--json` one JSON
 * object a line with `schemaVersion` first. Remarks are for stderr.
 */
export class Output {
  readonly json: boolean;
  readonly #streams: OutputStreams;
  readonly #colour: boolean;

  constructor(streams: OutputStreams, settings: { json: boolean; colour: boolean }) {
    this.#streams = streams;
    this.json = settings.json;
    this.#colour = settings.colour;
  }

  /** Whether somebody watches stdout, so that a view may be redrawn in place. */
  get interactive(): boolean {
    return !this.json && this.#streams.stdout.isTTY === true;
  }

  /** Whether colour is wanted on stdout. */
  get coloured(): boolean {
    return this.#colour && this.#streams.stdout.isTTY === true;
  }

  /** The one result of a command: `object` with --json, otherwise the lines of `text`. */
  result(object: object, text: string | (() => string)): void {
    if (this.json) this.object(object);
    else this.text(typeof text === 'string' ? text : text());
  }

  /** One JSON object on a line of its own. */
  object(object: object): void {
    this.#streams.stdout.write(`${JSON.stringify({ schemaVersion, ...object })}\n`);
  }

  /** Lines for people on stdout. */
  text(text: string): void {
    this.#streams.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** Exactly these bytes on stdout. */
  bytes(bytes: Uint8Array): void {
    this.#streams.stdout.write(bytes);
  }

  /** A remark for people on stderr that is no error. */
  remark(text: string): void {
    this.#streams.stderr.write(`${text}\n`);
  }

  /** A line on stderr that the next one is written over; undefined clears it. Nothing where stderr is no terminal. */
  progress(text: string | undefined): void {
    const { stderr } = this.#streams;
    // ECMA-48: back to the beginning of the line, EL.
    if (stderr.isTTY === true) stderr.write(`\r${text ?? ''}\u001b[K`);
  }

  warn(text: string): void {
    this.remark(`${this.style('yellow', 'Warning:', this.#streams.stderr)} ${text}`);
  }

  /** `text` in a style where `stream` is a terminal and colour is wanted, otherwise as it is. */
  style(style: Style, text: string, stream: OutputStream = this.#streams.stdout): string {
    if (!this.#colour || stream.isTTY !== true) return text;
    const [on, off] = styleCodes[style];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  }

  /** The same for what goes to stderr. */
  styleRemark(style: Style, text: string): string {
    return this.style(style, text, this.#streams.stderr);
  }

  /** The same output without --json, for what cannot go to stdout. */
  forPeople(): Output {
    return new Output(this.#streams, { json: false, colour: this.#colour });
  }

  /** Resolves once everything written so far has been handed to the system. */
  async flush(): Promise<void> {
    const { stdout, stderr } = this.#streams;
    await Promise.all([stdout, stderr].map((stream) => new Promise<void>((resolve) => stream.write('', resolve))));
  }
}

/** Whether colour is wanted at all: not with --no-color, NO_COLOR (no-color.org) or a dumb terminal. */
export function colourWanted(argv: readonly string[], env: NodeJS.ProcessEnv): boolean {
  if (argv.includes('--no-color') || (env.NO_COLOR ?? '') !== '') return false;
  return env.TERM !== 'dumb';
}

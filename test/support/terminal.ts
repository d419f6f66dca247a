import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { cleanEnvironment } from './cli.js';

const run = promisify(execFile);
let opened = 0;

/** A real terminal (tmux) with one program in it, as somebody in front of it sees it. */
export class Terminal {
  readonly #server: string;

  private constructor(server: string) {
    this.#server = server;
  }

  /** Opens a terminal with a shell that prints `$ ` when it waits. */
  static async open(columns: number, rows: number, env: Readonly<Record<string, string>> = {}): Promise<Terminal> {
    const terminal = new Terminal(`macula-test-${process.pid}-${++opened}`);
    const shellEnv = { ...cleanEnvironment(), LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', PS1: '$ ', ...env };
    // -f: nobody's configuration; without a server of its own the environment would be that of another one.
    await run('tmux', ['-L', terminal.#server, '-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', String(rows), 'bash', '--norc', '--noprofile'], { env: shellEnv });
    await terminal.until((screen) => screen.includes('$'));
    return terminal;
  }

  /** What is on the screen now, without styles. */
  async screen(): Promise<string> {
    return this.#tmux('capture-pane', '-p');
  }

  /** Keys by tmux's names (`Enter`, `C-c`, `Down`), or text. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** Whether the program uses the alternate screen, which leaves what was there before as it was. */
  async isAlternate(): Promise<boolean> {
    return (await this.#tmux('display-message', '-p', '#{alternate_on}')).trim() === '1';
  }

  /** Looks at the screen until it is as wanted; the limit is the test's own. Resolves with that screen. */
  async until(wanted: (screen: string) => boolean): Promise<string> {
    for (;;) {
      const screen = await this.screen();
      if (wanted(screen)) return screen;
      this.#last = screen;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #last = '';

  /** The last screen that was not as wanted, for a test that fails. */
  get last(): string {
    return this.#last;
  }

  async close(): Promise<void> {
    await this.#tmux('kill-server').catch(() => undefined);
  }

  async #tmux(...args: string[]): Promise<string> {
    return (await run('tmux', ['-L', this.#server, ...args])).stdout;
  }
}

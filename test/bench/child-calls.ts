import { fork, spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

/** What one side of a benchmark lets the other call. */
export type Calls = Record<string, (argument: never) => unknown>;

interface Question {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** A process of its own that runs a file of this directory and answers calls. */
export class BenchChild {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #nextId = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    child.on('exit', () => {
      for (const [id, settle] of this.#waiting) settle({ id, error: 'the process ended' });
    });
  }

  /** @param file of this directory, or relative to it @param netns network namespace to run it in */
  static start(file: string, { netns }: { netns?: string } = {}): BenchChild {
    const [path, node] = [join(import.meta.dirname, file), ['--import', 'tsx', '--expose-gc']];
    if (netns === undefined) return new BenchChild(fork(path, [], { execArgv: node, serialization: 'advanced' }));
    const command = ['netns', 'exec', netns, process.execPath, ...node, path];
    return new BenchChild(spawn('ip', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' }));
  }

  call<Result>(name: string, argument?: unknown): Promise<Result> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiting.set(id, ({ result, error }) => (error === undefined ? resolve(result as Result) : reject(new Error(`${name}: ${error}`))));
      this.#child.send({ id, name, argument } satisfies Question);
    });
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** The child's part: answers calls until the parent goes. */
export function answerCalls(calls: Calls): void {
  process.on('disconnect', () => process.exit());
  process.on('message', (question: Question) => void answer(calls, question));
}

async function answer(calls: Calls, { id, name, argument }: Question): Promise<void> {
  try {
    const result = await calls[name]!(argument as never);
    process.send!({ id, result } satisfies Answer);
  } catch (error) {
    process.send!({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) } satisfies Answer);
  }
}

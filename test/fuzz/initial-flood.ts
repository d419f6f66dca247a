import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { systemClock } from '../../src/lib/base/clock.js';
import type { Session } from '../../src/lib/session/session.js';

/** A process that floods one port after another with Initials from many addresses. */
export class InitialFlood {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;

  /** @param rate datagrams a second @param sources different source addresses */
  constructor(rate: number, sources: number) {
    const script = resolve(import.meta.dirname, 'flood-child.ts');
    this.#child = spawn(process.execPath, ['--import', 'tsx', script, String(rate), String(sources)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout });
  }

  /** Aims at a port of 127.0.0.1, or with 0 at nobody: it goes on sending, at the same cost. Resolves with the number sent so far. */
  async aim(port: number): Promise<number> {
    const answer = once(this.#lines, 'line');
    this.#child.stdin.write(`${port}\n`);
    const [line] = (await answer) as [string];
    return Number(line);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** Sends pings, some of them always under way, until told to stop; rejects with the first that was not answered. */
export async function pingWhile(session: Session, goOn: (answered: number) => boolean, inFlight = 16): Promise<number> {
  let answered = 0;
  const worker = async (): Promise<void> => {
    while (goOn(answered)) {
      await session.ping({ timeoutMs: 5000 });
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return answered;
}

/** Requests a second over a time. */
export async function pingRate(session: Session, durationMs: number): Promise<number> {
  const startMs = systemClock.nowMs();
  const answered = await pingWhile(session, () => systemClock.nowMs() - startMs < durationMs);
  return (answered * 1000) / (systemClock.nowMs() - startMs);
}

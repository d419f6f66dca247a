import type { RandomSource } from '../base/random.js';

/**
 * Sockets opened on the side whose ports cannot be foreseen. Each probe of the other side then hits one of them with probability 1/250:
 * half of all attempts are through after 174 probes, 98 % after 1,024, 99.97 % after 2,048.
 */
export const birthdaySockets = 256;
/** Probes of the spraying side, all in all. */
export const birthdayProbes = 2048;
/** At this pace nobody takes it for an attack, and it takes 2 s in the median. */
const probeIntervalMs = 10;
/** Probes that a late timer may make up for at once. */
const maxBurst = 16;
/** The whole of an attempt: the probes, and a second for the last answer. */
export const birthdayWindowMs = birthdayProbes * probeIntervalMs + 1000;

/** NATs hand out no ports below. */
const firstPort = 1024;
const lastPort = 65_535;

/** Chooses the ports to spray probes over and paces them; each port comes once. */
export class BirthdaySpray {
  readonly #random: RandomSource;
  readonly #startMs: number;
  readonly #used = new Set<number>();
  #nextMs: number;

  constructor(random: RandomSource, nowMs: number) {
    this.#random = random;
    this.#startMs = nowMs;
    this.#nextMs = nowMs;
  }

  /** Probes sent. */
  get sent(): number {
    return this.#used.size;
  }

  /** When {@link due} is to be called next, or Infinity. */
  get deadlineMs(): number {
    return this.#used.size < birthdayProbes ? this.#nextMs : Infinity;
  }

  /** When the attempt is over. */
  get endMs(): number {
    return this.#startMs + birthdayWindowMs;
  }

  /** The ports that are due. */
  due(nowMs: number): number[] {
    const ports: number[] = [];
    while (this.#nextMs <= nowMs && ports.length < maxBurst && this.#used.size < birthdayProbes) {
      ports.push(this.#freshPort());
      this.#nextMs += probeIntervalMs;
    }
    // After a long pause the rest is not made up for at once.
    if (ports.length === maxBurst) this.#nextMs = Math.max(this.#nextMs, nowMs + probeIntervalMs);
    return ports;
  }

  #freshPort(): number {
    let port: number;
    do port = firstPort + this.#random.integer(lastPort - firstPort + 1);
    while (this.#used.has(port));
    this.#used.add(port);
    return port;
  }
}

/** The opening side sends from each socket: at once, once more in case some were lost, then before a mapping of 20 s is forgotten. */
const openerSchedule: readonly number[] = [0, 2500, 10_000, 18_000];

/** When the opening side sends from all of its sockets again. */
export class BirthdayOpener {
  readonly sockets: readonly number[];
  readonly #startMs: number;
  #rounds = 0;

  /** @param sockets ids of the sockets that are open */
  constructor(sockets: readonly number[], nowMs: number) {
    this.sockets = sockets;
    this.#startMs = nowMs;
  }

  get deadlineMs(): number {
    const offsetMs = openerSchedule[this.#rounds];
    return offsetMs === undefined ? Infinity : this.#startMs + offsetMs;
  }

  get endMs(): number {
    return this.#startMs + birthdayWindowMs;
  }

  /** Whether all sockets are to send now. */
  due(nowMs: number): boolean {
    if (this.deadlineMs > nowMs) return false;
    this.#rounds += 1;
    return true;
  }
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Clock, Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';

/** What systemd wants to be told, as the environment says (sd_notify(3), sd_watchdog_enabled(3)). */
export interface SystemdWishes {
  readonly notifySocket: string;
  /** Milliseconds within which a sign of life is due; undefined where none is. */
  readonly watchdogMs: number | undefined;
}

/** Reads the environment; undefined where systemd wants to hear nothing of the process. */
export function systemdWishes(env: Readonly<Record<string, string | undefined>>, pid: number): SystemdWishes | undefined {
  const { NOTIFY_SOCKET: notifySocket, WATCHDOG_USEC: usec, WATCHDOG_PID: watched } = env;
  if (!notifySocket) return undefined;
  const watchdogMs = Number(usec) / 1000;
  const isMeant = watched === undefined || watched === '' || Number(watched) === pid;
  return { notifySocket, watchdogMs: isMeant && watchdogMs > 0 && Number.isFinite(watchdogMs) ? watchdogMs : undefined };
}

/** Hands one notification, assignments like `READY=1`, to systemd. */
export type SendNotification = (assignments: readonly string[]) => Promise<void>;

/** Longer than systemd takes to answer on a machine that is busy; what hangs longer is ended. */
const sendTimeoutMs = 10_000;

/**
 * Sends by `systemd-notify`, which is part of systemd: Node.js has no datagram sockets of the Unix domain. It waits until systemd has
 * taken the notification; the unit needs `NotifyAccess=all`, as it is not the main process that sends.
 */
export function sendBySystemdNotify(notifySocket: string): SendNotification {
  const run = promisify(execFile);
  const env = { PATH: process.env['PATH'], NOTIFY_SOCKET: notifySocket };
  return async (assignments) => void (await run('systemd-notify', [...assignments], { env, timeout: sendTimeoutMs, killSignal: 'SIGKILL' }));
}

export interface SystemdNotifierComponents {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly send: SendNotification;
  /** The node in one line, for `systemctl status`. */
  readonly describe: () => string;
  /** Whether the node can go on; signs of life are given while it can. */
  readonly isLive: () => boolean;
}

/** How often `systemctl status` is brought up to date where no sign of life is due. */
const statusIntervalMs = 30_000;
/** Half the time is what sd_watchdog_enabled(3) asks for; a third leaves room for a busy machine. */
const signsPerTimeout = 3;

/** Tells systemd that the node is ready, lives, and stops. A notification that fails is logged once and missed. */
export class SystemdNotifier {
  readonly #components: SystemdNotifierComponents;
  readonly #watchdogMs: number | undefined;
  #timer: Timer | undefined;
  #sending: Promise<void> = Promise.resolve();
  #status = '';
  #hasFailed = false;

  constructor(components: SystemdNotifierComponents, settings: Pick<SystemdWishes, 'watchdogMs'>) {
    this.#components = components;
    this.#watchdogMs = settings.watchdogMs;
  }

  /** The node serves: units that come after it may start. Resolves when systemd knows. */
  ready(): Promise<void> {
    const told = this.#send(['READY=1', ...this.#statusNews()]);
    this.#schedule();
    return told;
  }

  /** The node stops; systemd waits for it. Resolves when systemd knows. */
  stopping(): Promise<void> {
    this.#timer?.cancel();
    return this.#send(['STOPPING=1', 'STATUS=stopping']);
  }

  #schedule(): void {
    const { clock, isLive } = this.#components;
    const intervalMs = this.#watchdogMs === undefined ? statusIntervalMs : this.#watchdogMs / signsPerTimeout;
    this.#timer = clock.setTimer(intervalMs, () => {
      const sign = this.#watchdogMs !== undefined && isLive() ? ['WATCHDOG=1'] : [];
      const assignments = [...sign, ...this.#statusNews()];
      if (assignments.length > 0) void this.#send(assignments);
      this.#schedule();
    });
  }

  #statusNews(): string[] {
    const status = this.#components.describe();
    if (status === this.#status) return [];
    this.#status = status;
    return [`STATUS=${status}`];
  }

  /** One after the other: what is said later must not arrive first. */
  #send(assignments: readonly string[]): Promise<void> {
    this.#sending = this.#sending.then(() =>
      this.#components.send(assignments).catch((error: unknown) => {
        if (this.#hasFailed) return;
        this.#hasFailed = true;
        this.#components.logger.warn('systemd could not be notified', { assignments, error: MaculaError.from(error).message });
      }),
    );
    return this.#sending;
  }
}

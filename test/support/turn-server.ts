import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { NatHost } from './nat-lab.js';

/** Debian's coturn as a STUN server with two addresses (RFC 5780), ports 3478 and 3479. */
export class TurnServer {
  private constructor(
    /** Where it is asked. */
    readonly address: string,
    private readonly child: ChildProcess,
  ) {}

  /** @param second another address, which the host gets */
  static async start(host: NatHost, second: string): Promise<TurnServer> {
    host.ip(`address add ${second}/24 dev eth0`);
    const listening = [host.address, second].flatMap((address) => ['--listening-ip', address]);
    const child = host.spawn('turnserver', '-n', '--stun-only', ...listening, '--no-tls', '--no-dtls', '--no-tcp', '--no-cli', '--log-file', 'stdout', '--pidfile', `/run/turnserver-${host.netns}.pid`, '--userdb', `/run/turnserver-${host.netns}.db`, '--verbose');
    child.unref();
    const log: string[] = [];
    const opened = new Set<string>();
    await new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout!, child.stderr!]) {
        createInterface({ input: stream }).on('line', (line) => {
          log.push(line);
          const listener = /listener opened on ?: ([\d.]+:\d+)/.exec(line)?.[1];
          if (listener !== undefined && opened.add(listener).size === 4) resolve();
        });
      }
      child.once('exit', () => reject(new Error(`turnserver ended:\n${log.join('\n')}`)));
    });
    return new TurnServer(`${host.address}:3478`, child);
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/lib/base/clock.js';
import { ControlClient } from '../../src/lib/control/client.js';
import type { NodeReadyInfo } from '../../src/lib/node/run-node.js';

const bin = resolve(import.meta.dirname, '../../bin/macula.js');

export interface NodeProcessOptions {
  dataDir: string;
  /** 0 (any free port) where absent. */
  port?: number;
  bootstrap?: readonly string[];
  env?: Record<string, string>;
  flags?: readonly string[];
  /** Network namespace to run in. */
  netns?: string;
  /** Nothing is set but the data directory, as by somebody who tries it for the first time. */
  unconfigured?: boolean;
}

/** A real node, started from the built CLI as an operator would, in a process of its own. */
export class NodeProcess {
  readonly dataDir: string;
  readonly ready: NodeReadyInfo;
  readonly child: ChildProcess;
  /** Everything it wrote to stderr and, after the ready line, to stdout. */
  readonly log: string[];

  private constructor(dataDir: string, ready: NodeReadyInfo, child: ChildProcess, log: string[]) {
    this.dataDir = dataDir;
    this.ready = ready;
    this.child = child;
    this.log = log;
  }

  /** Starts a node and resolves with its ready line; rejects with its output when it ends before. */
  static async start(options: NodeProcessOptions): Promise<NodeProcess> {
    const args = ['node', 'start', '--json', '--data-dir', options.dataDir, ...(options.flags ?? [])];
    if (!options.unconfigured) args.push('--port', String(options.port ?? 0));
    if (options.bootstrap) args.push('--bootstrap', options.bootstrap.join(','));
    const env = { ...process.env, ...(options.unconfigured ? {} : { MACULA_METRICS_PORT: '0', MACULA_MDNS: 'false', MACULA_PORT_MAPPING: 'false' }), ...options.env };
    const command = options.netns === undefined ? [process.execPath, bin, ...args] : ['ip', 'netns', 'exec', options.netns, process.execPath, bin, ...args];
    const child = spawn(command[0]!, command.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const log: string[] = [];
    child.stderr!.on('data', (chunk: Buffer) => log.push(chunk.toString()));
    const ready = await new Promise<NodeReadyInfo>((resolveReady, reject) => {
      const lines = createInterface({ input: child.stdout! });
      lines.on('line', (line) => {
        log.push(line);
        const parsed = JSON.parse(line) as { event?: string } & NodeReadyInfo;
        if (parsed.event === 'ready') resolveReady(parsed);
      });
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`node ended (${code ?? signal}) before it was ready:\n${log.join('')}`)));
    });
    return new NodeProcess(options.dataDir, ready, child, log);
  }

  get nodeId(): string {
    return this.ready.nodeId;
  }

  get port(): number {
    return this.ready.listen[0]!.port;
  }

  /** Bootstrap URL of this node for others on this machine. */
  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** A client of its control socket. */
  get control(): ControlClient {
    const { controlSocket } = this.ready;
    return new ControlClient({ clock: systemClock }, { version: this.ready.version, dataDir: this.dataDir, socketPath: controlSocket, pidFile: join(this.dataDir, 'node.pid'), socketGiven: true, timeoutMs: 5000 });
  }

  /** Resolves once exactly these peers are connected; rejects when the node ends before. */
  async untilConnectedTo(nodeIds: readonly string[]): Promise<void> {
    const wanted = [...nodeIds].sort().join();
    for await (const { peers } of this.control.watchPeers()) {
      const connected = peers.filter((peer) => peer.state === 'connected').map((peer) => peer.nodeId);
      if (connected.sort().join() === wanted) return;
    }
    throw new Error(`the node ended while waiting for its peers:\n${this.log.join('')}`);
  }

  /** Resolves once it has logged a line that matches; rejects when the node ends before. */
  async untilLogged(pattern: RegExp): Promise<void> {
    while (!this.log.some((line) => pattern.test(line))) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`the node ended before it logged ${pattern}:\n${this.log.join('')}`);
      await Promise.race([once(this.child.stdout!, 'data'), once(this.child, 'exit')]);
    }
  }

  /** What Node.js warned of on stderr: a leak of listeners, a time-out that is none. */
  get warnings(): string[] {
    return this.log.join('').split('\n').filter((line) => /\(node:\d+\).*Warning: /.test(line));
  }

  /** Sends a signal and resolves with the exit code (null when a signal ended it). */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }
}

/** Resolves once the node's routing table holds all of the others; lookups fill it. */
export async function untilKnown(node: NodeProcess, others: readonly NodeProcess[]): Promise<void> {
  for (;;) {
    const known = new Set((await node.control.dhtNodes()).nodes.map(({ nodeId }) => nodeId));
    if (others.every(({ nodeId }) => known.has(nodeId))) return;
    await node.control.dhtTrace({ key: 'anything', timeoutMs: 10_000 });
  }
}

/** Node processes and their data directories, ended and removed together. */
export class NodeFarm {
  readonly nodes: NodeProcess[] = [];
  readonly #starts: Promise<unknown>[] = [];
  #directory: string | undefined;

  /** A fresh data directory inside the farm's own. */
  async dataDir(name: string): Promise<string> {
    this.#directory ??= await mkdtemp(join(tmpdir(), 'macula-test-'));
    return join(this.#directory, name);
  }

  async start(name: string, options: Omit<NodeProcessOptions, 'dataDir'> = {}): Promise<NodeProcess> {
    const started = NodeProcess.start({ ...options, dataDir: await this.dataDir(name) }).then((node) => (this.nodes.push(node), node));
    this.#starts.push(started);
    return started;
  }

  /** Ends all nodes and removes their data. @throws Error where one of them was warned by Node.js: that is a defect of the node */
  async close(): Promise<void> {
    // One that failed to start must not leave those behind that were still starting.
    await Promise.allSettled(this.#starts);
    await Promise.all(this.nodes.map((node) => node.end('SIGKILL')));
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
    const warnings = this.nodes.flatMap((node) => node.warnings);
    if (warnings.length > 0) throw new Error(`a node printed warnings:\n${warnings.join('\n')}`);
  }
}

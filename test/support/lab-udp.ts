import type { ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { NatHost } from './nat-lab.js';

export interface LabDatagram {
  readonly text: string;
  readonly host: string;
  readonly port: number;
}

type AgentEvent =
  | { readonly event: 'open'; readonly id: number; readonly port: number }
  | { readonly event: 'sent'; readonly id: number }
  | ({ readonly event: 'message'; readonly id: number } & LabDatagram)
  | { readonly event: 'error'; readonly id: number; readonly message: string };

/** A UDP socket inside a host of the lab. */
export class LabSocket {
  readonly received: LabDatagram[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #sent: (() => void)[] = [];

  constructor(
    private readonly agent: UdpAgent,
    readonly id: number,
    readonly port: number,
  ) {}

  /** Resolves when the system has taken it, whatever becomes of it. */
  send(text: string, host: string, port: number): Promise<void> {
    this.agent.command({ do: 'send', id: this.id, text, host, port });
    return new Promise((done) => this.#sent.push(done));
  }

  /** Resolves with the first datagram that has come or comes with this text. */
  async until(text: string): Promise<LabDatagram> {
    while (true) {
      const found = this.received.find((datagram) => datagram.text === text);
      if (found) return found;
      await this.next();
    }
  }

  /** Resolves when something comes. */
  next(): Promise<void> {
    return new Promise((wake) => this.#waiting.add(wake));
  }

  /** Whether something with this text has come. */
  has(text: string): boolean {
    return this.count(text) > 0;
  }

  /** How often it has come. */
  count(text: string): number {
    return this.received.filter((datagram) => datagram.text === text).length;
  }

  close(): void {
    this.agent.command({ do: 'close', id: this.id });
  }

  sent(): void {
    this.#sent.shift()?.();
  }

  take(datagram: LabDatagram): void {
    this.received.push(datagram);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** Opens UDP sockets inside one host of the lab, from one process there. */
export class UdpAgent {
  readonly #child: ChildProcess;
  readonly #opening = new Map<number, { resolve: (socket: LabSocket) => void; reject: (error: Error) => void }>();
  readonly #sockets = new Map<number, LabSocket>();
  #nextId = 0;

  constructor(readonly host: NatHost) {
    this.#child = host.spawn(process.execPath, resolve(import.meta.dirname, 'udp-agent.mjs'));
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#happened(JSON.parse(line) as AgentEvent));
  }

  /** @param port 0 for any */
  open(port = 0, host = this.host.address): Promise<LabSocket> {
    const id = this.#nextId++;
    const opened = new Promise<LabSocket>((resolveOpen, reject) => this.#opening.set(id, { resolve: resolveOpen, reject }));
    this.command({ do: 'open', id, host, port });
    return opened;
  }

  command(command: Record<string, unknown>): void {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
  }

  /** Ends the process; its sockets are closed. */
  end(): void {
    this.#child.stdin!.end();
  }

  #happened(event: AgentEvent): void {
    if (event.event === 'message') return this.#sockets.get(event.id)?.take({ text: event.text, host: event.host, port: event.port });
    if (event.event === 'sent') return this.#sockets.get(event.id)?.sent();
    const waiting = this.#opening.get(event.id);
    this.#opening.delete(event.id);
    if (event.event === 'error') return waiting?.reject(new Error(event.message));
    const socket = new LabSocket(this, event.id, event.port);
    this.#sockets.set(event.id, socket);
    waiting?.resolve(socket);
  }
}

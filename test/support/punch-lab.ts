import { NatLab, type NatHost, type NatHostOptions, type NatKind } from './nat-lab.js';
import { NodeFarm, type NodeProcess } from './node-process.js';

/** A node behind a NAT of the lab. */
export interface LabNode {
  readonly kind: NatKind;
  readonly host: NatHost;
  readonly node: NodeProcess;
}

export interface NodeWanted extends NatHostOptions {
  readonly name: string;
  readonly kind: NatKind;
  /** UDP port; 4433 where absent. Behind one full-cone NAT no two hosts of the lab may have the same. */
  readonly port?: number;
  readonly env?: Record<string, string>;
}

/** How one connection came about. Times in milliseconds from the moment one node was told to connect to the other. */
export interface Meeting {
  /** Until a request was answered. */
  readonly firstByteMs: number;
  /** The path that answer took. */
  readonly firstPath: 'direct' | 'relay';
  /** Until packets of both sides took a direct path; undefined where they stay on the relay. */
  readonly directMs: number | undefined;
  /** The attempts at a direct path that the connecting node saw. */
  readonly attempts: readonly Attempt[];
}

/** An attempt at a direct path, as a node writes it into its log. */
export interface Attempt {
  readonly nodeId: string;
  readonly outcome: string;
  readonly technique?: string;
  readonly durationMs: number;
  /** From when both sides knew where to probe. */
  readonly punchingMs?: number;
}

const attemptLine = 'an attempt at a direct path ended';
/** More would wait for each other, and for the relays, which limit how many NATs they help to look at. */
const startedAtOnce = 4;
/** How long a node may take to know its NAT, and when it is told to look again. */
const knowsNatMs = 60_000;
const looksAgainMs = 4000;
/** Beyond the time given, what was asked of a node is given up. */
const graceMs = 10_000;
/** How often it is looked whether packets take a direct path. */
const lookMs = 10;

/** Nodes behind NATs that meet through relays outside: public nodes, by which everybody bootstraps. */
export class PunchLab {
  readonly lab = new NatLab();
  readonly farm = new NodeFarm();
  readonly relays: NodeProcess[] = [];
  readonly #started: LabNode[] = [];
  /** URLs of the relays. */
  bootstrap: readonly string[] = [];

  /** Starts the relays. @param env settings of the relays */
  async start(relays = 3, env: Record<string, string> = {}): Promise<void> {
    const hosts = Array.from({ length: relays }, () => this.lab.host('none'));
    const urls = hosts.map(({ address }) => `https://${address}:4433`);
    // All of the lab is one /24, to which STUN answers are limited.
    for (const [index, { netns }] of hosts.entries()) this.relays.push(await this.farm.start(`relay${index}`, { netns, port: 4433, bootstrap: urls.slice(0, index), env: { MACULA_STUN_RATE_PER_PREFIX: '2000', ...env } }));
    this.bootstrap = urls;
  }

  /** Starts nodes, a few at a time, and waits until each knows its NAT. They keep apart until they are to {@link meet}. */
  async nodes(wanted: readonly NodeWanted[]): Promise<LabNode[]> {
    const started: LabNode[] = [];
    for (let first = 0; first < wanted.length; first += startedAtOnce) {
      started.push(...(await Promise.all(wanted.slice(first, first + startedAtOnce).map((one) => this.#node(one)))));
    }
    return started;
  }

  /**
   * Connects two nodes as if they had never met, and watches until packets take a direct path, or the nodes have found that
   * there is none.
   * @throws Error when they do not get to either within the time given
   */
  async meet(from: LabNode, to: LabNode, withinMs = 60_000): Promise<Meeting> {
    await this.part(from, to);
    for (const [one, other] of [[to, from], [from, to]] as const) await one.node.control.trustPeer({ target: other.node.nodeId });
    const [fromLog, toLog] = [from.node.log.length, to.node.log.length];
    const startMs = performance.now();
    const signal = AbortSignal.timeout(withinMs + graceMs);
    await from.node.control.connectPeer({ target: to.node.nodeId, timeoutMs: withinMs }, signal);
    const firstPath = await onePing(from.node, to.node, signal);
    const firstByteMs = performance.now() - startMs;
    const deadlineMs = startMs + withinMs;
    const isOver = (): boolean => attemptsOf(from.node, to.node, fromLog).some(({ technique }) => technique === 'relay');
    const both = await Promise.all([untilDirect(from.node, to.node, deadlineMs, isOver, signal), untilDirect(to.node, from.node, deadlineMs, isOver, signal)]);
    const directMs = both.includes(undefined) ? undefined : Math.max(...both.map((atMs) => atMs!)) - startMs;
    const attempts = attemptsOf(from.node, to.node, fromLog);
    if (directMs === undefined && !isOver()) {
      const seen = [...attempts, ...attemptsOf(to.node, from.node, toLog)].map((one) => JSON.stringify(one));
      throw new Error(`${from.kind} and ${to.kind} came to no end within ${withinMs} ms: ${seen.join('\n')}`);
    }
    return { firstByteMs, firstPath, directMs, attempts };
  }

  /** Ends the connection of two nodes and what their NATs know of it, and keeps them apart: neither takes the other for a peer any more. */
  async part(a: LabNode, b: LabNode): Promise<void> {
    for (const [one, other] of [[a, b], [b, a]] as const) await one.node.control.untrustPeer({ target: other.node.nodeId });
    for (const [one, other] of [[a, b], [b, a]] as const) {
      // A dial that was under way is refused as well, and whoever connects next would be told so.
      for await (const { peers } of one.node.control.watchPeers()) if (!peers.some(({ nodeId, state }) => nodeId === other.node.nodeId && (state === 'connected' || state === 'connecting'))) break;
    }
    for (const [one, other] of [[a, b], [b, a]] as const) one.host.router?.forget(other.host.publicAddress);
  }

  async #node({ name, kind, port = 4433, env, ...behaviour }: NodeWanted): Promise<LabNode> {
    const host = this.lab.host(kind, behaviour);
    const node = await this.farm.start(name, {
      netns: host.netns, port, bootstrap: this.bootstrap, env: { MACULA_LOG_LEVEL: 'debug', MACULA_BREAKER_FAILURES: '1000', ...env },
    });
    await node.control.wait(`peers>=${this.relays.length}`, 30_000);
    const lab = { kind, host, node };
    await untilNatKnown(node);
    if (kind === 'symmetric-sequential') await untilSequenceKnown(node);
    this.#started.push(lab);
    for (const other of this.#started.slice(0, -1)) await this.part(lab, other);
    return lab;
  }

  /** Ends nodes that are not needed any more. */
  async end(...nodes: readonly LabNode[]): Promise<void> {
    for (const node of nodes) this.#started.splice(this.#started.indexOf(node), 1);
    await Promise.all(nodes.map(({ node }) => node.end()));
  }

  async close(): Promise<void> {
    await this.farm.close();
    this.lab.close();
  }
}

/** Attempts in the log of a node, from a line on. */
export function attemptsOf(node: NodeProcess, peer: NodeProcess, fromLine = 0): Attempt[] {
  const lines = node.log.slice(fromLine).flatMap((chunk) => chunk.split('\n')).filter((line) => line.includes(attemptLine));
  return lines.map((line) => JSON.parse(line) as Attempt).filter(({ nodeId }) => nodeId === peer.nodeId);
}

/** Resolves when a node knows how its NAT maps and filters, as it finds out soon after it has started. */
async function untilNatKnown(node: NodeProcess): Promise<void> {
  const startMs = performance.now();
  for await (const _ of node.control.watchPeers()) {
    const { nat } = await node.control.status();
    if (nat && nat.mapping !== 'unknown' && nat.filtering !== 'unknown') return;
    const passedMs = performance.now() - startMs;
    if (passedMs > knowsNatMs) throw new Error(`a node does not find out about its NAT: ${JSON.stringify(nat)}\n${node.log.join('\n')}`);
    // With a machine's load a measurement may have gaps; the node itself waits longer before it looks again.
    if (passedMs > looksAgainMs) await node.control.natProbe({}, knowsNatMs);
  }
}

/** Resolves when a node has seen that its NAT gives ports in sequence; other packets of a busy start can hide that from its first look. */
async function untilSequenceKnown(node: NodeProcess): Promise<void> {
  const startMs = performance.now();
  while (performance.now() - startMs < knowsNatMs) {
    if ((await node.control.natProbe({}, knowsNatMs)).portAllocation === 'sequential') return;
  }
  throw new Error(`a node does not see that its NAT's ports follow each other:\n${node.log.join('\n')}`);
}

async function onePing(node: NodeProcess, peer: NodeProcess, signal: AbortSignal): Promise<'direct' | 'relay'> {
  for await (const result of node.control.pingPeer({ nodeId: peer.nodeId, count: 1, intervalMs: 1, timeoutMs: 10_000, untilDirect: false }, signal)) {
    if ('path' in result) return result.path;
    throw new Error(`ping: ${result.error.message}`);
  }
  throw new Error('no answer to a ping');
}

/** performance.now() of the first answer that came directly; undefined when there is to be none. */
async function untilDirect(node: NodeProcess, peer: NodeProcess, deadlineMs: number, isOver: () => boolean, signal: AbortSignal): Promise<number | undefined> {
  for await (const result of node.control.pingPeer({ nodeId: peer.nodeId, count: 10_000, intervalMs: lookMs, timeoutMs: 5000, untilDirect: true }, signal)) {
    if ('path' in result && result.path === 'direct') return performance.now();
    if (isOver() || performance.now() > deadlineMs) return undefined;
  }
  return undefined;
}

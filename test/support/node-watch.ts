import type { Peer, PingAnswer, PingResult } from '../../src/lib/control/protocol.js';
import type { NodeProcess } from './node-process.js';

/** What a node says of a peer now. @throws Error when it does not know it */
export async function peerAt(node: NodeProcess, peerId: string): Promise<Peer> {
  const { peers } = await node.control.peers();
  const found = peers.find(({ nodeId }) => nodeId === peerId);
  if (!found) throw new Error(`${peerId} is not a peer:\n${JSON.stringify(peers, undefined, 1)}`);
  return found;
}

/** Resolves with what a node says of a peer once it fits. */
export async function untilPeer(node: NodeProcess, peerId: string, fits: (peer: Peer) => boolean): Promise<Peer> {
  for await (const { peers } of node.control.watchPeers()) {
    const found = peers.find((peer) => peer.nodeId === peerId && fits(peer));
    if (found) return found;
  }
  throw new Error(`the node ended while it was watched:\n${node.log.join('')}`);
}

export interface PingRun {
  readonly count: number;
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  /** Called after each answer. */
  readonly after?: (answer: PingAnswer) => void;
}

/** Pings one after the other and resolves with their answers. @throws Error at the first that is not answered */
export async function pingAll(node: NodeProcess, peerId: string, { count, intervalMs = 20, timeoutMs = 5000, after }: PingRun): Promise<PingAnswer[]> {
  const answers: PingAnswer[] = [];
  for await (const result of node.control.pingPeer({ nodeId: peerId, count, intervalMs, timeoutMs, untilDirect: false })) {
    if (!isAnswer(result)) throw new Error(`ping ${result.seq}: ${result.error.message}\n${node.log.join('')}`);
    answers.push(result);
    after?.(result);
  }
  if (answers.length < count) throw new Error(`the pings ended after ${answers.length}:\n${node.log.join('')}`);
  return answers;
}

function isAnswer(result: PingResult): result is PingAnswer {
  return 'rttMs' in result;
}

/** Lets time pass during which the network is in a certain state; nothing else marks its end. */
export function holdFor(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

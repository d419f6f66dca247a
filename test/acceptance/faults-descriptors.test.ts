import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { MaculaError } from '../../src/lib/base/errors.js';
import { holdFor, pingAll } from '../support/node-watch.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';
import { hasTool } from '../support/system-tool.js';

/** Descriptors left when the limit is lowered: a few programs at the control socket use them up. */
const left = 6;
const clients = 40;

describe('a node that runs out of file descriptors (HARDENING 16)', function () {
  this.timeout(60_000);
  const farm = new NodeFarm();
  const sockets: Socket[] = [];

  after(async () => {
    for (const socket of sockets) socket.destroy();
    await farm.close();
  });

  const used = (node: NodeProcess): number => readdirSync(`/proc/${node.child.pid}/fd`).length;
  const limitTo = (node: NodeProcess, count: number): void => void execFileSync('prlimit', [`--pid=${node.child.pid}`, `--nofile=${count}:${count}`]);
  /** Whether the control socket answers. */
  const answers = (node: NodeProcess): Promise<string> => node.control.status().then(() => 'answered', (error: unknown) => MaculaError.from(error).code);

  it('serves its peers all the while, accepts nobody else, and answers again once there are some', async function () {
    if (process.platform !== 'linux' || !hasTool('prlimit')) return this.skip();
    const node = await farm.start('poor');
    const peer = await farm.start('peer', { bootstrap: [node.url] });
    await peer.untilConnectedTo([node.nodeId]);
    await node.untilConnectedTo([peer.nodeId]);
    limitTo(node, used(node) + left);
    for (let client = 0; client < clients; client++) sockets.push(connect(node.ready.controlSocket).on('error', () => undefined));
    while ((await answers(node)) === 'answered');
    // The node looks at its network interfaces every two seconds, for which it has no descriptor now.
    await holdFor(2500);
    await pingAll(peer, node.nodeId, { count: 20 });
    const { result } = await peer.control.rpcCall({ procedure: 'macula.echo', args: 'still here', node: node.nodeId, timeoutMs: 10_000 });
    expect(result).to.equal('still here');
    // A newcomer needs no descriptor: all connections share one socket.
    const newcomer = await farm.start('newcomer', { bootstrap: [node.url] });
    await newcomer.untilConnectedTo([node.nodeId, peer.nodeId]);
    await pingAll(newcomer, node.nodeId, { count: 5 });
    for (const socket of sockets.splice(0)) socket.destroy();
    while ((await answers(node)) !== 'answered');
    expect((await fetch(node.ready.metricsUrl!)).status).to.equal(200);
    expect(node.child.exitCode).to.equal(null);
    expect(await node.end()).to.equal(0);
  });
});

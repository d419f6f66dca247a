import { expect } from 'chai';
import type { NodeStatus } from '../../src/lib/control/protocol.js';
import type { PeerWhyResult } from '../../src/lib/control/protocol-nat.js';
import { macula, onlyObject, type CliResult, type FailureJson } from '../support/cli.js';
import { NatLab } from '../support/nat-lab.js';
import { describeInLab } from '../support/network-lab.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';
import { untilPeer } from '../support/node-watch.js';

describeInLab('what the command line says of paths', function () {
  this.timeout(60_000);
  let lab: NatLab;
  let farm: NodeFarm;
  let outside: NodeProcess[];
  /** Behind NATs with random ports both, and one behind a friendlier NAT. */
  let a: NodeProcess;
  let b: NodeProcess;
  let cone: NodeProcess;

  const cli = (node: NodeProcess, ...args: string[]): Promise<CliResult> => macula([...args, '--json', '--data-dir', node.dataDir]);
  const lines = ({ stdout }: CliResult): Record<string, unknown>[] => stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);

  before(async () => {
    lab = new NatLab();
    farm = new NodeFarm();
    const hosts = [lab.host('none'), lab.host('none')];
    const bootstrap = hosts.map(({ address }) => `https://${address}:4433`);
    const first = await farm.start('relay0', { netns: hosts[0]!.netns, port: 4433 });
    outside = [first, await farm.start('relay1', { netns: hosts[1]!.netns, port: 4433, bootstrap: bootstrap.slice(0, 1) })];
    const behind = (name: string, kind: 'symmetric-random' | 'full-cone'): Promise<NodeProcess> => farm.start(name, { netns: lab.host(kind).netns, port: 4433, bootstrap });
    [a, b, cone] = await Promise.all([behind('a', 'symmetric-random'), behind('b', 'symmetric-random'), behind('cone', 'full-cone')]);
    // What a NAT does is known to the peer only once it was looked at; the first attempt may come before.
    await Promise.all([a, b, cone].map((node) => node.control.natProbe({}, 20_000)));
    await untilPeer(a, b.nodeId, ({ path, state }) => path === 'relay' && state === 'connected');
    await untilPeer(a, cone.nodeId, ({ path, state }) => path === 'direct' && state === 'connected');
  });

  after(async () => {
    await farm?.close();
    lab?.close();
  });

  it('peers why names both NATs, what was tried, and what to do where two nodes stay on a relay', async () => {
    let why: PeerWhyResult;
    do why = onlyObject<PeerWhyResult>(await cli(a, 'peers', 'why', b.nodeId));
    while (why.attempts.at(-1)?.technique !== 'relay');
    expect(why).to.include({ nodeId: b.nodeId, path: 'relay' });
    expect([why.ownNat, why.peerNat].map((nat) => [nat?.type, nat?.ports])).to.deep.equal([['symmetric', 'random'], ['symmetric', 'random']]);
    expect(outside.map(({ nodeId }) => nodeId)).to.include(why.relay);
    expect(why.candidates.map(({ side }) => side)).to.include.members(['own', 'peer']);
    expect(why.paths.filter(({ selected }) => selected).map(({ path, via }) => [path, via])).to.deep.equal([['relay', why.relay]]);
    expect(why.advice).to.match(/cannot be foreseen/);
    const { code, stdout } = await macula(['peers', 'why', b.nodeId.slice(0, 12), '--data-dir', a.dataDir]);
    expect(code).to.equal(0);
    expect(stdout).to.match(/nat of the peer +symmetric .*ports random/).and.to.match(/Packets take a relay/);
  });

  it('peers why tells of a direct path how it came about', async () => {
    const why = onlyObject<PeerWhyResult>(await cli(a, 'peers', 'why', cone.nodeId));
    expect(why).to.include({ path: 'direct', relay: null, advice: 'Packets go directly.' });
    expect(why.paths.some(({ path, state, selected }) => path === 'direct' && state === 'usable' && selected)).to.equal(true);
  });

  it('peers why of a node that is no peer exits with 4', async () => {
    expect((await cli(a, 'peers', 'why', '0'.repeat(64))).code).to.equal(4);
  });

  it('peers ping --until-direct stops at the first direct path, and exits with 8 where there is none', async () => {
    const direct = await cli(a, 'peers', 'ping', cone.nodeId, '--until-direct');
    expect(direct.code).to.equal(0);
    expect(lines(direct)[0]).to.include({ seq: 1, path: 'direct' });
    expect(lines(direct)).to.have.length(2);
    const relayed = await cli(a, 'peers', 'ping', b.nodeId, '--until-direct', '--count', '3', '--interval', '50ms');
    expect(relayed.code).to.equal(8);
    expect(lines(relayed).slice(0, 3).map(({ path }) => path)).to.deep.equal(['relay', 'relay', 'relay']);
    expect(lines(relayed).at(-1)).to.have.nested.property('error.code', 'MACULA_NOT_DIRECT');
  });

  it('peers connect --direct waits for a direct path, and exits with 8 where there is none', async () => {
    expect(onlyObject(await cli(a, 'peers', 'connect', cone.nodeId, '--direct'))).to.include({ path: 'direct' });
    const relayed = await cli(a, 'peers', 'connect', b.nodeId, '--direct', '--timeout', '1s');
    expect(relayed.code).to.equal(8);
    expect(onlyObject<FailureJson>(relayed).error).to.include({ code: 'MACULA_NOT_DIRECT' });
  });

  it('node wait --for reachable holds outside of NATs and not behind them', async () => {
    expect((await cli(outside[0]!, 'node', 'wait', '--for', 'reachable')).code).to.equal(0);
    expect((await cli(b, 'node', 'wait', '--for', 'reachable', '--timeout', '1s')).code).to.equal(5);
  });

  it('node status tells bytes that took a relay from those that went directly', async () => {
    const { traffic } = onlyObject<NodeStatus>(await cli(a, 'node', 'status'));
    for (const way of [traffic.direct, traffic.relayed]) expect([way.sent > 0, way.received > 0]).to.deep.equal([true, true]);
  });
}, 'conntrack');

import { expect } from 'chai';
import { macula, onlyObject, type CliResult, type FailureJson } from '../support/cli.js';
import { handshakes, refusals, sample, untilPeer, untilSample } from '../support/node-observation.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

/** Soon back after a failure, so that the tests see several dials. */
const env = { MACULA_RECONNECT_MIN: '50ms', MACULA_RECONNECT_MAX: '500ms', MACULA_KEEPALIVE_INTERVAL: '1s', MACULA_REQUEST_TIMEOUT: '1s' };
const refused = 6;

function on(node: NodeProcess, ...args: string[]): Promise<CliResult> {
  return macula([...args, '--json', '--data-dir', node.dataDir]);
}

/** `peers connect` is refused with this code. */
async function expectRefusal(node: NodeProcess, target: string, code: string): Promise<FailureJson['error']> {
  const result = await on(node, 'peers', 'connect', target);
  expect(result.code, result.stdout).to.equal(refused);
  const { error } = onlyObject<FailureJson>(result);
  expect(error.code).to.equal(code);
  return error;
}

async function sessionsOf(...nodes: NodeProcess[]): Promise<number[]> {
  return Promise.all(nodes.map((node) => sample(node, 'macula_sessions')));
}

describe('nodes that do not belong together', function () {
  this.timeout(30_000);
  const farm = new NodeFarm();
  const secrets = { one: 'q3bXk0VtY7wLr2NfAe9ZcJ5hUoDs8iGm1PyTxW4vKEg', other: 'Zf6RmH1uPq9TdCk3VxYb7wNa0LsGj5EoIt2XeAh8UvQ' };
  let nodes: Record<'open' | 'elsewhere' | 'closed' | 'otherwise', NodeProcess>;

  before(async () => {
    const [open, elsewhere, closed, otherwise] = await Promise.all([
      farm.start('open', { env }),
      farm.start('elsewhere', { env: { ...env, MACULA_REALM: 'elsewhere' } }),
      farm.start('closed', { env: { ...env, MACULA_REALM_SECRET: secrets.one } }),
      farm.start('otherwise', { env: { ...env, MACULA_REALM_SECRET: secrets.other } }),
    ]);
    nodes = { open, elsewhere, closed, otherwise };
  });
  after(() => farm.close());

  const cases = [
    { what: 'another realm', from: 'open', to: 'elsewhere', code: 'MACULA_REALM_MISMATCH' },
    { what: 'another realm, the other way', from: 'elsewhere', to: 'open', code: 'MACULA_REALM_MISMATCH' },
    { what: 'another realm secret', from: 'closed', to: 'otherwise', code: 'MACULA_REALM_PROOF_FAILED' },
    { what: 'a closed realm from an open one of the same name', from: 'open', to: 'closed', code: 'MACULA_REALM_PROOF_FAILED' },
    { what: 'an open realm from a closed one of the same name', from: 'closed', to: 'open', code: 'MACULA_REALM_PROOF_FAILED' },
  ] as const;
  for (const { what, from, to, code } of cases) {
    it(`are refused with ${code} on both sides: ${what}`, async () => {
      const before = await refusals(nodes[to], code);
      await expectRefusal(nodes[from], nodes[to].url, code);
      await untilSample(nodes[to], 'macula_sessions_refused_total', `reason="${code}"`, (count) => count === before + 1);
      expect(await refusals(nodes[from], code)).to.be.at.least(1);
      expect(await sessionsOf(nodes[from], nodes[to])).to.deep.equal([0, 0]);
    });
  }

  it('show the refusal in `peers list` where the other is a bootstrap node, and no secret in any log', async () => {
    const [stranger, guesser] = await Promise.all([
      farm.start('stranger', { env: { ...env, MACULA_REALM: 'nowhere' }, bootstrap: [nodes.open.url] }),
      farm.start('guesser', { env: { ...env, MACULA_REALM_SECRET: secrets.other }, bootstrap: [nodes.closed.url] }),
    ]);
    for (const [node, code] of [[stranger, 'MACULA_REALM_MISMATCH'], [guesser, 'MACULA_REALM_PROOF_FAILED']] as const) {
      await untilPeer(node, ({ state, error }) => state === 'refused' && error!.startsWith(code));
      const { peers } = onlyObject<{ peers: { state: string; error: string }[] }>(await on(node, 'peers', 'list'));
      expect(peers.map(({ state, error }) => [state, error.split(':')[0]])).to.deep.equal([['refused', code]]);
      expect(node.log.join('')).to.include(`"code":"${code}"`);
    }
    expect(farm.nodes.flatMap(({ log }) => log).filter((line) => Object.values(secrets).some((secret) => line.includes(secret)))).to.deep.equal([]);
  });
});

describe('a URL whose node was replaced', function () {
  this.timeout(30_000);
  const farm = new NodeFarm();
  let node: NodeProcess;
  let replacement: NodeProcess;
  let url: string;

  before(async () => {
    const original = await farm.start('original', { env });
    ({ url } = original);
    node = await farm.start('node', { env, bootstrap: [url] });
    await node.untilConnectedTo([original.nodeId]);
    await original.end('SIGKILL');
    replacement = await farm.start('replacement', { env: { ...env, MACULA_HANDSHAKE_TIMEOUT: '1s' }, port: original.port });
  });
  after(() => farm.close());

  it('is refused with MACULA_PIN_MISMATCH, naming both ids and the way out', async () => {
    await untilPeer(node, (peer) => peer.state === 'refused' && peer.error!.startsWith('MACULA_PIN_MISMATCH'));
    const error = await expectRefusal(node, url, 'MACULA_PIN_MISMATCH');
    expect(error.hint).to.include(`macula peers trust ${url}`);
    expect(error.details).to.include({ got: replacement.nodeId });
  });

  it('tells the node there nothing at all: it counts a handshake that was never completed', async () => {
    await untilSample(replacement, 'macula_transport_handshakes_total', 'outcome="timeout"', (count) => count >= 1);
    expect(await handshakes(replacement)).to.have.all.keys('timeout');
    expect(await sessionsOf(node, replacement)).to.deep.equal([0, 0]);
  });

  it('is accepted after `peers trust URL`', async () => {
    const trusted = await on(node, 'peers', 'trust', url);
    expect(onlyObject(trusted)).to.include({ nodeId: replacement.nodeId, pinned: true });
    await node.untilConnectedTo([replacement.nodeId]);
    await replacement.untilConnectedTo([node.nodeId]);
  });

  it('has that id pinned from then on: another one dialled there is refused as well', async () => {
    const wrong = 'f'.repeat(64);
    const other = await farm.start('other', { env });
    const error = await expectRefusal(other, `macula://${wrong}@127.0.0.1:${replacement.port}`, 'MACULA_ID_MISMATCH');
    expect(error.message).to.include(replacement.nodeId.slice(0, 8));
    expect(await sessionsOf(other)).to.deep.equal([0]);
  });
});

describe('a peer marked untrusted', function () {
  this.timeout(30_000);
  const farm = new NodeFarm();
  const code = 'MACULA_PEER_UNTRUSTED';
  let judge: NodeProcess;
  let peer: NodeProcess;

  before(async () => {
    judge = await farm.start('judge', { env });
    peer = await farm.start('peer', { env, bootstrap: [judge.url] });
    await judge.untilConnectedTo([peer.nodeId]);
  });
  after(() => farm.close());

  it('loses its live connection, and both sides show why', async () => {
    expect((await on(judge, 'peers', 'untrust', peer.nodeId)).code).to.equal(0);
    await untilPeer(peer, ({ state, error }) => state === 'refused' && error!.startsWith(code));
    await untilPeer(judge, ({ nodeId, state, error }) => nodeId === peer.nodeId && state === 'refused' && error!.startsWith(code));
    expect(await sessionsOf(judge, peer)).to.deep.equal([0, 0]);
  });

  it('stays out, whichever side dials', async () => {
    await expectRefusal(peer, judge.url, code);
    expect(await refusals(judge, code)).to.be.at.least(1);
    await expectRefusal(judge, peer.url, code);
    expect(await sessionsOf(judge, peer)).to.deep.equal([0, 0]);
  });

  it('is said to be untrusted at once by what would call it', async () => {
    for (const command of [['rpc', 'call', 'macula.echo', '1', '--node', peer.nodeId], ['bench', peer.nodeId, '--duration', '1s']]) {
      const result = await on(judge, ...command);
      expect([result.code, onlyObject<FailureJson>(result).error.code], command.join(' ')).to.deep.equal([refused, code]);
    }
  });

  it('stays out after a restart of the node that does not trust it', async () => {
    const { port } = judge;
    await judge.end('SIGTERM');
    judge = await farm.start('judge', { env, port });
    await expectRefusal(peer, judge.url, code);
  });

  it('is let in again by `peers trust`', async () => {
    expect((await on(judge, 'peers', 'trust', peer.nodeId)).code).to.equal(0);
    expect((await on(peer, 'peers', 'connect', judge.url)).code).to.equal(0);
    await judge.untilConnectedTo([peer.nodeId]);
  });
});

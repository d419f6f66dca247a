import { expect } from 'chai';
import { NatLab, type NatHost, type NatKind } from '../support/nat-lab.js';
import { UdpAgent, type LabSocket } from '../support/lab-udp.js';
import { describeInLab } from '../support/network-lab.js';

/** RFC 4787, sections 4.1 and 5. */
type Behaviour = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent';

interface Expectation {
  readonly kind: NatKind;
  readonly mapping: Behaviour;
  readonly filtering: Behaviour;
  readonly preserving: boolean;
  /** Between the ports of mappings made one after the other. */
  readonly delta?: number;
}

const table: Expectation[] = [
  { kind: 'none', mapping: 'endpoint-independent', filtering: 'endpoint-independent', preserving: true },
  { kind: 'full-cone', mapping: 'endpoint-independent', filtering: 'endpoint-independent', preserving: true },
  { kind: 'address-restricted', mapping: 'endpoint-independent', filtering: 'address-dependent', preserving: true },
  { kind: 'port-restricted', mapping: 'endpoint-independent', filtering: 'address-and-port-dependent', preserving: true },
  { kind: 'port-changing', mapping: 'endpoint-independent', filtering: 'address-and-port-dependent', preserving: false },
  { kind: 'address-dependent', mapping: 'address-dependent', filtering: 'address-and-port-dependent', preserving: false },
  { kind: 'symmetric-sequential', mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent', preserving: false, delta: 1 },
  { kind: 'symmetric-random', mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent', preserving: false },
];

describeInLab('the NATs of the lab, by RFC 4787', function () {
  this.timeout(60_000);
  let lab: NatLab;
  /** A host of the Internet with two sockets, and another with one. */
  let first: NatHost;
  let second: NatHost;
  let main: LabSocket;
  let otherPort: LabSocket;
  let otherHost: LabSocket;

  before(async () => {
    lab = new NatLab();
    first = lab.host('none');
    second = lab.host('none');
    const agent = new UdpAgent(first);
    [main, otherPort, otherHost] = await Promise.all([agent.open(7001), agent.open(7002), new UdpAgent(second).open(7001)]);
  });

  after(() => lab?.close());

  let messages = 0;

  /** Sends something to a public socket and tells from where it came. */
  async function seenFrom(socket: LabSocket, at: LabSocket, host: NatHost): Promise<{ host: string; port: number }> {
    const text = `out ${messages++}`;
    void socket.send(text, host.address, at.port);
    const { host: seenHost, port } = await at.until(text);
    return { host: seenHost, port };
  }

  /** Whether a packet from a public socket gets in at an outer address; a witness that may be spoken to says when it should have. */
  async function getsIn(inside: LabSocket, from: LabSocket, to: { host: string; port: number }, witness: LabSocket, witnessAt: { host: string; port: number }): Promise<boolean> {
    const [text, end] = [`in ${messages++}`, `end ${messages++}`];
    void from.send(text, to.host, to.port);
    void from.send(end, witnessAt.host, witnessAt.port);
    await witness.until(end);
    return inside.has(text);
  }

  function behaviour(sameHost: boolean, anyHost: boolean): Behaviour {
    return anyHost ? 'endpoint-independent' : sameHost ? 'address-dependent' : 'address-and-port-dependent';
  }

  async function filteringOf(agent: UdpAgent): Promise<Behaviour> {
    const [inside, witness] = await Promise.all([agent.open(), agent.open()]);
    const at = await seenFrom(inside, main, first);
    const sameHost = await getsIn(inside, otherPort, at, witness, await seenFrom(witness, otherPort, first));
    const anyHost = await getsIn(inside, otherHost, at, witness, await seenFrom(witness, otherHost, second));
    return behaviour(sameHost, anyHost);
  }

  for (const { kind, mapping, filtering, preserving, delta } of table) {
    it(`${kind}: ${mapping} mapping${preserving ? ' that keeps the port' : ''}, ${filtering} filtering`, async () => {
      const host = lab.host(kind);
      const agent = new UdpAgent(host);
      const inside = await agent.open(4433);
      const a = await seenFrom(inside, main, first);
      const b = await seenFrom(inside, otherPort, first);
      const c = await seenFrom(inside, otherHost, second);
      for (const seen of [a, b, c]) expect(seen.host).to.equal(host.publicAddress);
      expect(behaviour(a.port === b.port, a.port === c.port)).to.equal(mapping);
      expect(a.port === 4433).to.equal(preserving);
      if (delta !== undefined) expect([b.port - a.port, c.port - b.port]).to.deep.equal([delta, delta]);
      if (kind === 'symmetric-random') expect(new Set([b.port - a.port, c.port - b.port]).size).to.equal(2);
      expect(await filteringOf(agent)).to.equal(filtering);
      agent.end();
    });
  }

  it('blocked: no UDP gets out, TCP does', async () => {
    const host = lab.host('blocked');
    const inside = await new UdpAgent(host).open();
    await inside.send('lost', first.address, main.port);
    expect(() => host.run('perl', '-MIO::Socket::INET', '-e', 'IO::Socket::INET->new(PeerAddr => "203.0.113.10:9", Timeout => 10) or die "$!\\n"')).to.throw(/refused/);
    await seenFrom(otherHost, main, first);
    expect(main.has('lost')).to.equal(false);
  });

  it('two hosts behind one NAT reach each other inside, and get ports of their own when both send from the same', async () => {
    const one = lab.host('port-restricted');
    const two = lab.host('port-restricted', { behind: one.router! });
    const [a, b] = await Promise.all([new UdpAgent(one).open(4433), new UdpAgent(two).open(4433)]);
    const [seenA, seenB] = [await seenFrom(a, main, first), await seenFrom(b, main, first)];
    expect(seenA).to.deep.equal({ host: one.publicAddress, port: 4433 });
    expect(seenB.host).to.equal(one.publicAddress);
    expect(seenB.port).not.to.equal(4433);
    void a.send('inside', two.address, 4433);
    expect(await b.until('inside')).to.include({ host: one.address, port: 4433 });
  });

  for (const kind of ['full-cone', 'address-restricted'] as const) {
    it(`hairpin: a ${kind} NAT that has it brings a packet for its public address back in, from the public address`, async () => {
      const one = lab.host(kind, { hairpin: true });
      const two = lab.host(kind, { behind: one.router! });
      const [a, b] = await Promise.all([new UdpAgent(one).open(5001), new UdpAgent(two).open(5002)]);
      const [atA, atB] = [await seenFrom(a, main, first), await seenFrom(b, main, first)];
      void a.send('around', atB.host, atB.port);
      expect(await b.until('around')).to.include(atA);
      void b.send('and back', atA.host, atA.port);
      expect(await a.until('and back')).to.include(atB);
    });
  }

  it('without hairpin a packet for the public address is lost', async () => {
    const one = lab.host('full-cone');
    const two = lab.host('full-cone', { behind: one.router! });
    const [a, b] = await Promise.all([new UdpAgent(one).open(5001), new UdpAgent(two).open(5002)]);
    const at = await seenFrom(b, main, first);
    void a.send('around', at.host, at.port);
    void a.send('inside', two.address, 5002);
    await b.until('inside');
    expect(b.has('around')).to.equal(false);
  });

  it('double NAT: the carrier\'s shows, and the stricter of both holds', async () => {
    const host = lab.host('full-cone', { carrier: 'symmetric-sequential' });
    const agent = new UdpAgent(host);
    const inside = await agent.open(4433);
    const [a, b] = [await seenFrom(inside, main, first), await seenFrom(inside, otherHost, second)];
    expect(a.host).to.equal(host.publicAddress);
    expect(host.router!.wanAddress).to.match(/^100\.64\./);
    expect(b.port - a.port).to.equal(1);
    expect(await filteringOf(agent)).to.equal('address-and-port-dependent');
  });

  it('a mapping without traffic is forgotten after the time that was set, and gets another port where ports are sequential', async () => {
    const host = lab.host('symmetric-sequential', { mappingTimeoutSeconds: 1 });
    const inside = await new UdpAgent(host).open();
    const before = await seenFrom(inside, main, first);
    while (host.router!.mappings() > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await seenFrom(inside, main, first)).port).to.equal(before.port + 1);
  });

  it('a router that forgets its mappings lets nothing in until the host inside speaks again', async () => {
    const host = lab.host('full-cone');
    const agent = new UdpAgent(host);
    const [inside, witness] = await Promise.all([agent.open(), agent.open()]);
    const at = await seenFrom(inside, main, first);
    host.router!.forget();
    expect(await getsIn(inside, main, at, witness, await seenFrom(witness, main, first))).to.equal(false);
    expect(await seenFrom(inside, main, first)).to.deep.equal(at);
    expect(await getsIn(inside, main, at, witness, await seenFrom(witness, main, first))).to.equal(true);
  });

  it('the hostile variant gives another port where a peer\'s packet came before the mapping; the usual router does not', async () => {
    for (const openInput of [true, false]) {
      const host = lab.host('port-restricted', { openInput });
      const agent = new UdpAgent(host);
      const [inside, witness] = await Promise.all([agent.open(4433), agent.open()]);
      await getsIn(inside, main, { host: host.publicAddress, port: 4433 }, witness, await seenFrom(witness, main, first));
      expect((await seenFrom(inside, main, first)).port === 4433, `openInput ${openInput}`).to.equal(!openInput);
    }
  });

  it('a cut keeps two hosts apart, both ways and also inside, without their noticing, until it is undone', async () => {
    const one = lab.host('full-cone');
    const two = lab.host('full-cone', { behind: one.router! });
    const [a, b] = await Promise.all([new UdpAgent(one).open(5001), new UdpAgent(two).open(5002)]);
    lab.cutDirect(one, two);
    await Promise.all([a.send('cut', two.address, 5002), b.send('cut', one.address, 5001)]);
    expect(await seenFrom(a, main, first)).to.include({ port: 5001 });
    expect(await seenFrom(b, main, first)).to.include({ port: 5002 });
    lab.restore(one, two);
    void a.send('whole', two.address, 5002);
    void b.send('whole', one.address, 5001);
    await Promise.all([a.until('whole'), b.until('whole')]);
    expect([a.has('cut'), b.has('cut')]).to.deep.equal([false, false]);
  });

  it('IPv6 goes through a home router without NAT, in only what was asked for', async () => {
    const [outside, host] = [lab.host('none', { ipv6: true }), lab.host('port-restricted', { ipv6: true })];
    const [outAgent, inAgent] = [new UdpAgent(outside), new UdpAgent(host)];
    const [out, stranger] = await Promise.all([outAgent.open(7001, outside.ipv6), outAgent.open(7002, outside.ipv6)]);
    const inside = await inAgent.open(4433, host.ipv6);
    void inside.send('six', outside.ipv6!, 7001);
    expect(await out.until('six')).to.include({ host: host.ipv6, port: 4433 });
    void stranger.send('unasked', host.ipv6!, 4433);
    void out.send('answer', host.ipv6!, 4433);
    await inside.until('answer');
    expect(inside.has('unasked')).to.equal(false);
  });

  it('a cable can delay, lose and duplicate packets, and be mended', async () => {
    const host = lab.host('port-restricted', { link: { delayMs: 50 } });
    const inside = await new UdpAgent(host).open();
    // Also resolves addresses, so that what follows is the datagrams alone.
    await seenFrom(inside, main, first);
    const startMs = performance.now();
    await seenFrom(inside, main, first);
    expect(performance.now() - startMs).to.be.at.least(50);
    await host.setLink({ loss: 0.5 });
    for (let sent = 0; sent < 200; sent++) await inside.send('coin', first.address, main.port);
    await host.setLink({ loss: 1 });
    await inside.send('lost', first.address, main.port);
    await host.setLink({ duplicate: 1 });
    await inside.send('twice', first.address, main.port);
    while (main.count('twice') < 2) await main.next();
    await host.setLink({});
    await seenFrom(inside, main, first);
    expect(main.count('coin')).to.be.within(1, 199);
    expect(main.count('lost')).to.equal(0);
    expect(main.count('twice')).to.equal(2);
  });
}, 'conntrack', 'perl');

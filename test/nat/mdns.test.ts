import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { labObstacle, NetworkLab, type LabHost } from '../support/network-lab.js';

interface Line {
  found?: string;
  addresses?: { host: string; port: number }[];
  warning?: string;
  started?: boolean;
  stopped?: boolean;
}

const child = fileURLToPath(new URL('../support/mdns-child.ts', import.meta.url));

/** A process that looks for nodes on its networks. */
class Searcher {
  readonly lines: Line[] = [];
  readonly process: ChildProcess;
  #waiting: (() => void)[] = [];

  constructor(host: LabHost, readonly nodeId: string, realm = 'macula') {
    this.process = spawn('ip', ['netns', 'exec', host.netns, process.execPath, '--import', 'tsx', child, nodeId, realm], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.process.stdout! }).on('line', (line) => {
      this.lines.push(JSON.parse(line) as Line);
      for (const look of this.#waiting.splice(0)) look();
    });
  }

  /** Resolves with the first line that fits, said already or later. */
  async said(fits: (line: Line) => boolean): Promise<Line> {
    while (true) {
      const line = this.lines.find(fits);
      if (line) return line;
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    }
  }

  found(other: Searcher): Promise<Line> {
    return this.said((line) => line.found === other.nodeId);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const exit = once(this.process, 'exit');
    this.process.stdin!.end();
    await exit;
  }
}

describe('multicast DNS between network namespaces', function () {
  this.timeout(60_000);
  let lab: NetworkLab;
  let searchers: Searcher[];

  before(function () {
    const obstacle = labObstacle();
    if (obstacle === undefined) return;
    console.log(`    skipped: ${obstacle}`);
    this.skip();
  });

  beforeEach(() => {
    lab = new NetworkLab();
    searchers = [];
  });

  afterEach(async () => {
    for (const { process } of searchers) process.kill('SIGKILL');
    lab.close();
  });

  function search(host: LabHost, digit: string, realm?: string): Searcher {
    const searcher = new Searcher(host, digit.repeat(64), realm);
    searchers.push(searcher);
    return searcher;
  }

  it('finds nodes of the same realm on one bridge, without a default route, and nodes of no other', async () => {
    const bridge = lab.bridge();
    const hosts = ['10.91.0.1/24', '10.91.0.2/24', '10.91.0.3/24'].map((address) => {
      const host = lab.host();
      lab.plug(host, bridge, address);
      return host;
    });
    const [a, b, stranger] = [search(hosts[0]!, 'a'), search(hosts[1]!, 'b'), search(hosts[2]!, 'c', 'other realm')];
    const [atA, atB] = await Promise.all([a.found(b), b.found(a), stranger.said(({ started }) => started === true)]);
    expect(atA.addresses).to.deep.include({ host: '10.91.0.2', port: 4433 });
    expect(atB.addresses).to.deep.include({ host: '10.91.0.1', port: 4433 });

    // Who comes later is found by those who were there, and finds them.
    const late = search(hosts[2]!, 'd');
    await Promise.all([late.found(a), late.found(b), a.found(late), b.found(late)]);
    await Promise.all(searchers.map((searcher) => searcher.stop()));
    for (const searcher of searchers) expect(searcher.process.exitCode).to.equal(0);
    expect(stranger.lines).to.deep.equal([{ started: true }, { stopped: true }]);
    for (const { lines } of [a, b, late]) expect(lines.some(({ found }) => found === stranger.nodeId)).to.equal(false);
  });

  it('reaches every network of a node with two', async () => {
    const [left, right] = [lab.bridge(), lab.bridge()];
    const middle = lab.host();
    lab.plug(middle, left, '10.91.1.1/24', 'eth0');
    lab.plug(middle, right, '10.91.2.1/24', 'eth1');
    const [a, b] = [lab.host(), lab.host()];
    lab.plug(a, left, '10.91.1.2/24');
    lab.plug(b, right, '10.91.2.2/24');
    const [atMiddle, atA, atB] = [search(middle, 'c'), search(a, 'a'), search(b, 'b')];
    await Promise.all([atMiddle.found(atA), atMiddle.found(atB), atA.found(atMiddle), atB.found(atMiddle)]);
    expect(atA.lines.some(({ found }) => found === atB.nodeId)).to.equal(false);
  });

  it('does without, and quietly, where there is only loopback or multicast is off', async () => {
    const lonely = search(lab.host(), 'a');
    const bridge = lab.bridge();
    const mute = lab.host();
    lab.plug(mute, bridge, '10.91.0.1/24');
    mute.run('ip', 'link', 'set', 'eth0', 'down');
    const silent = search(mute, 'b');
    for (const searcher of [lonely, silent]) {
      await searcher.said(({ started }) => started === true);
      await searcher.stop();
      expect(searcher.process.exitCode).to.equal(0);
      expect(searcher.lines.filter(({ warning }) => warning !== undefined).length).to.be.at.most(1);
    }
  });
});

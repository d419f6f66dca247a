import { expect } from 'chai';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { finished, macula, onlyObject, packageRoot, spawnMacula, type FailureJson } from '../support/cli.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';
import { hasTool } from '../support/system-tool.js';
import { Terminal } from '../support/terminal.js';

describe('top', function () {
  this.timeout(40_000);
  const farm = new NodeFarm();
  let other: NodeProcess;
  let own: NodeProcess;
  before(async () => {
    other = await farm.start('other');
    own = await farm.start('own', { bootstrap: [other.url] });
    await own.untilConnectedTo([other.nodeId]);
  });
  after(() => farm.close());

  describe('without a terminal', () => {
    it('prints snapshots as text, as many as asked, with rates of the interval between', async () => {
      const { code, stdout, stderr } = await macula(['top', '--count', '2', '--interval', '100ms', '--data-dir', own.dataDir]);
      expect(code, stderr).to.equal(0);
      expect(stdout.match(/^ macula top /gm)).to.have.length(2);
      expect(stdout).to.include(`${other.nodeId.slice(0, 8)} 127.0.0.1:${other.port}`).and.to.match(/rpc calls +0\/s/);
      // What a terminal would obey has no place here.
      expect(stdout).to.not.match(/\u001b/);
    });

    it('prints a JSON object a line, counts what happens, and ends at Ctrl-C with 130', async () => {
      const load = spawnMacula(['bench', other.nodeId, '--duration', '1m', '--concurrency', '2', '--data-dir', own.dataDir]);
      const top = spawnMacula(['top', '--json', '--interval', '200ms', '--data-dir', own.dataDir]);
      const ended = Promise.all([finished(top), finished(load)]);
      const lines: { schemaVersion: number; nodeId: string; rpc: { called: { perSecond: number } }; traffic: { directShare: number; sentPerSecond: number }; peers: { nodeId: string; path: string; sentPerSecond: number }[] }[] = [];
      for await (const line of createInterface({ input: top.stdout! })) {
        const parsed = JSON.parse(line) as (typeof lines)[number];
        if ('error' in parsed) break;
        lines.push(parsed);
        if (parsed.rpc.called.perSecond === 0 || parsed.peers[0]?.sentPerSecond === 0) continue;
        top.kill('SIGINT');
        load.kill('SIGINT');
      }
      expect((await ended).map(({ code }) => code)).to.deep.equal([130, 130]);
      const busy = lines.at(-1)!;
      expect(busy).to.include({ schemaVersion: 1, nodeId: own.nodeId });
      expect(busy.rpc.called.perSecond).to.be.above(0);
      expect(busy.traffic).to.include({ directShare: 1 }).and.to.have.property('sentPerSecond').that.is.above(0);
      expect(busy.peers[0]).to.include({ nodeId: other.nodeId, path: 'direct' });
    });

    it('refuses an interval that would show mostly itself', async () => {
      const result = await macula(['top', '--interval', '10ms', '--json', '--data-dir', own.dataDir]);
      expect(result.code).to.equal(2);
      expect(onlyObject<FailureJson>(result).error.message).to.include('100ms');
    });
  });

  describe('in a terminal', () => {
    let terminal: Terminal | undefined;
    before(function () {
      // CI has it; elsewhere the layout is tested without.
      if (!hasTool('tmux')) this.skip();
    });
    afterEach(async function () {
      if (this.currentTest?.isFailed() && terminal) console.log(`the screen was:\n${terminal.last}`);
      await terminal?.close();
      terminal = undefined;
    });

    async function opened(node: NodeProcess, columns = 80, rows = 24): Promise<Terminal> {
      terminal = await Terminal.open(columns, rows);
      await terminal.press(`${process.execPath} ${join(packageRoot, 'bin/macula.js')} top --interval 200ms --data-dir ${node.dataDir}; echo "ended with $?"`, 'Enter');
      await terminal.until((screen) => screen.includes('q quit'));
      return terminal;
    }

    it('shows the node and its peers at 80 by 24, and follows its keys', async () => {
      const screen = await opened(own);
      const first = await screen.until((text) => text.includes(other.nodeId.slice(0, 8)));
      for (const part of [`macula top  ${own.nodeId.slice(0, 8)}`, '1 connected', '1 direct', 'traffic', 'rpc calls', 'published', 'served', 'pool', 'RTT▾', `127.0.0.1:${other.port}`]) expect(first).to.include(part);
      expect(await screen.isAlternate()).to.equal(true);

      await screen.press('s');
      await screen.until((text) => text.includes('SENT▾'));
      await screen.press('r');
      await screen.until((text) => text.includes('SENT▴'));

      await screen.press('/', 'nobody');
      await screen.until((text) => text.includes('no peer fits the filter') && text.includes('filter: nobody'));
      await screen.press('Escape');
      await screen.until((text) => text.includes(`127.0.0.1:${other.port}`) && !text.includes('nobody'));

      await screen.press('Down');
      await screen.until((text) => text.includes(`▸ ${other.nodeId.slice(0, 8)}`));
      await screen.press('Enter');
      const detail = await screen.until((text) => text.includes('escape back'));
      expect(detail).to.include(other.nodeId).and.to.include('this node connected to it').and.to.include('round trip');
      await screen.press('h');
      await screen.until((text) => text.includes('any key back'));
      await screen.press('x', 'p');
      await screen.until((text) => text.includes('PAUSED'));
    });

    it('fits itself to a terminal that changes its size', async () => {
      const screen = await opened(own);
      await screen.until((text) => text.includes(other.nodeId.slice(0, 8)) && !text.includes('RTT HISTORY'));
      await screen.resize(140, 40);
      const wide = await screen.until((text) => text.includes('RTT HISTORY'));
      expect(wide.split('\n').findIndex((line) => line.includes('q quit'))).to.be.above(30);
      await screen.resize(60, 16);
      const narrow = await screen.until((text) => !text.includes('RTT HISTORY') && text.includes('macula top'));
      expect(narrow.split('\n')[0]).to.match(/^ macula top  [0-9a-f]{8} /).and.to.have.length.at.most(60);
    });

    it('leaves the terminal as it was, with q and 0, with Ctrl-C and 130', async () => {
      for (const [key, code] of [['q', 0], ['C-c', 130]] as const) {
        const screen = await opened(own);
        await screen.press(key);
        const after = await screen.until((text) => text.includes(`ended with ${code}`));
        expect(await screen.isAlternate()).to.equal(false);
        expect(after).to.include('top --interval').and.to.not.include('rpc calls');
        // Input is echoed again, and lines are lines.
        await screen.press('echo still "here"', 'Enter');
        await screen.until((text) => text.includes('echo still "here"') && /^still here$/m.test(text));
        await screen.close();
      }
    });

    it('says so when the node stops, and goes on when it is back', async () => {
      const mortal = await farm.start('mortal', { bootstrap: [other.url] });
      const screen = await opened(mortal);
      expect(await mortal.end()).to.equal(0);
      const gone = await screen.until((text) => text.includes('NO ANSWER'));
      expect(gone).to.include(`no node is running for`).and.to.include('trying again');
      const back = await farm.start('mortal', { bootstrap: [other.url] });
      await screen.until((text) => !text.includes('NO ANSWER') && text.includes(back.nodeId.slice(0, 8)));
    });
  });
});

import { expect } from 'chai';
import { macula, onlyObject } from '../support/cli.js';
import { NodeFarm } from '../support/node-process.js';

interface Stats {
  size: number;
  max: number;
  hits: number;
  misses: number;
  hitRate: number;
  dials: number;
  evictions: Record<string, number>;
  connections?: Record<string, unknown>[];
}

describe('pool stats', function () {
  this.timeout(20_000);
  const farm = new NodeFarm();
  after(() => farm.close());

  it('counts connections, and lists them with their state when asked to', async () => {
    const first = await farm.start('first', { env: { MACULA_POOL_MAX: '7' } });
    const second = await farm.start('second', { bootstrap: [first.url] });
    await first.untilConnectedTo([second.nodeId]);
    const stats = async (...flags: string[]): Promise<Stats> => onlyObject<Stats>(await macula(['pool', 'stats', '--json', '--data-dir', first.dataDir, ...flags]));

    const summary = await stats();
    expect(summary).to.include({ size: 1, max: 7 }).and.not.to.have.property('connections');
    expect(summary).to.include.keys('hits', 'misses', 'hitRate', 'dials');
    expect(summary.evictions).to.deep.equal({ lru: 0, idle: 0, failed: 0 });

    const { connections } = await stats('--connections');
    expect(connections).to.have.length(1);
    expect(connections![0]).to.include({ nodeId: second.nodeId, path: 'direct', inFlight: 0 }).and.to.include.keys('state', 'idleSeconds', 'health');

    const text = await macula(['pool', 'stats', '--connections', '--data-dir', first.dataDir]);
    expect(text.stdout).to.include('1 of at most 7').and.to.include(second.nodeId.slice(0, 16));
  });
});

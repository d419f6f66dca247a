import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MaculaNode } from '../../../src/lib/index.js';
import { until } from '../session/node-fixture.js';

const values = 30;
const marker = 'a value that is easily found';

describe('a node of a mesh whose store was damaged while it was down', function () {
  this.timeout(30_000);
  let directory: string;
  const nodes: MaculaNode[] = [];

  const build = (name: string): MaculaNode => {
    const bootstrapUrl = name === 'a' ? [] : [`https://127.0.0.1:${nodes[0]!.listen[0]!.port}`];
    const node = new MaculaNode({ dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, dhtLeaveMs: 0, bootstrapUrl });
    nodes.push(node);
    return node;
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-store-'));
    for (const name of ['a', 'b']) await build(name).start();
    await until(() => nodes.every((node) => node.dht.nodes().length === 1), 'they know each other');
    for (let index = 0; index < values; index++) await nodes[0]!.dht.put(`key ${index}`, `${marker} ${index}`, { minReplicas: 2 });
    await nodes[1]!.stop();
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  /** The damaged node's next life reads all values, each as it was written; none it has lost or found changed does harm. */
  async function expectAllReadAfter(damage: (data: Buffer) => Buffer): Promise<MaculaNode> {
    const file = join(directory, 'b', 'store', 'data.mdb');
    await writeFile(file, damage(await readFile(file)));
    const b = build('b');
    await b.start();
    await until(() => b.dht.nodes().length === 1, 'it knows the other again');
    for (let index = 0; index < values; index++) {
      const found = await b.dht.get(`key ${index}`, { quorum: 'one' });
      expect(found && Buffer.from(found.value).toString(), `key ${index}`).to.equal(`${marker} ${index}`);
    }
    expect((await b.dht.put('afterwards', 'works', { minReplicas: 2 })).replicas).to.equal(2);
    return b;
  }

  it('reads what a flipped bit spoilt from the others, and never serves the spoilt one', async () => {
    await expectAllReadAfter((data) => {
      let flipped = 0;
      for (let at = data.indexOf(`${marker} 7`); at >= 0; at = data.indexOf(`${marker} 7`, at + 1), flipped++) data[at] = data[at]! ^ 1;
      expect(flipped).to.be.above(0);
      return data;
    });
  });

  it('begins anew when its file is torn, says so, and has all values from the others', async () => {
    const b = await expectAllReadAfter((data) => data.subarray(0, 5000));
    expect(b.status().warnings.map(({ code }) => code)).to.include('store-set-aside');
  });
});

import { expect } from 'chai';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { openStore, type Store } from '../../../src/lib/store/store.js';
import { finished } from '../../support/cli.js';
import { SmallDisk } from '../../support/small-disk.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const components = { logger: silentLogger, clock: new VirtualClock() };

describe('the store', function () {
  this.timeout(120_000);
  let base: string;
  let directory: string;
  let open: Store[];

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'macula-store-'));
    directory = join(base, 'store');
    open = [];
  });

  afterEach(async () => {
    for (const store of open) await store.close();
    await rm(base, { recursive: true, force: true });
  });

  async function opened(where = directory): Promise<Store> {
    const store = await openStore(where, components);
    open.push(store);
    return store;
  }

  async function filled(): Promise<void> {
    const store = await openStore(directory, components);
    const records = store.collection<string>('records');
    await Promise.all(Array.from({ length: 400 }, (_, index) => records.put(`key-${index}`, 'v'.repeat(index * 17))));
    await Promise.all(Array.from({ length: 200 }, (_, index) => records.remove(`key-${index * 2}`)));
    await store.close();
  }

  it('keeps plain values, by collection and in key order, across a restart', async () => {
    const first = await opened();
    const bytes = Uint8Array.of(0, 1, 255);
    await first.collection('peers').put('b', { id: 'b', bytes, list: [1, 2.5, null, true] });
    await first.collection('peers').put('a', 'text ü');
    await first.collection('peers-2').put('c', 3);
    await first.close();

    const second = await opened();
    expect(second.setAside).to.equal(undefined);
    const peers = second.collection<{ bytes: Uint8Array } & string>('peers');
    expect([...peers.entries()].map(([key]) => key)).to.deep.equal(['a', 'b']);
    expect(peers.get('a')).to.equal('text ü');
    expect(peers.get('b')).to.deep.include({ id: 'b', list: [1, 2.5, null, true] });
    expect([...peers.get('b')!.bytes]).to.deep.equal([0, 1, 255]);
    expect(peers.get('c')).to.equal(undefined);
    await peers.remove('a');
    await peers.remove('never there');
    expect(peers.get('a')).to.equal(undefined);
  });

  it('refuses keys that are too long and everything after it was closed', async () => {
    const store = await opened();
    const records = store.collection('records');
    expect(records.get('k'.repeat(5000))).to.equal(undefined);
    expect(await codeOf(records.put('k'.repeat(5000), 1))).to.equal('MACULA_STORE_FAILED');
    expect(await store.check()).to.equal(undefined);
    await store.close();
    expect(await codeOf(records.put('k', 1))).to.equal('MACULA_STORE_FAILED');
    expect(() => records.get('k')).to.throw(MaculaError);
    expect((await store.check())?.code).to.equal('MACULA_STORE_FAILED');
  });

  it('holds every acknowledged write of a process killed amid writing', async () => {
    for (let round = 0; round < 3; round++) {
      const child = fork(new URL('../../support/store-writer-child.ts', import.meta.url), [directory], { execArgv: ['--import', 'tsx'] });
      const acknowledged: number[] = [];
      child.on('message', (index: number) => {
        acknowledged.push(index);
        if (acknowledged.length === 1000 + round * 377) child.kill('SIGKILL');
      });
      await once(child, 'exit');
      const store = await openStore(directory, components);
      expect(store.setAside).to.equal(undefined);
      const records = store.collection<{ index: number; text: string }>('records');
      for (const index of acknowledged) expect(records.get(String(index))).to.deep.equal({ index, text: 'x'.repeat(index % 3000) });
      await store.close();
    }
  });

  const damages: [string, (data: string) => Promise<void>][] = [
    ['a few bytes of garbage', (data) => writeFile(data, 'garbage')],
    ['pages of garbage', (data) => writeFile(data, seededRandom(7).bytes(64 * 4096))],
    ['an empty page', (data) => writeFile(data, Buffer.alloc(4096))],
    ['half of the file', async (data) => truncate(data, Math.floor((await readFile(data)).length / 2))],
    ['its first page only', (data) => truncate(data, 4096)],
    ['another page size', (data) => changed(data, (bytes) => bytes.writeUInt32LE(3, bytes.subarray(0, 128).indexOf(Uint8Array.of(0, 16, 0, 0))))],
    [
      'a directory in place of the file',
      async (data) => {
        await rm(data);
        await mkdir(data);
      },
    ],
  ];
  for (const [what, damage] of damages) {
    it(`starts empty and keeps the damaged store when the file holds ${what}`, async () => {
      await filled();
      await damage(join(directory, 'data.mdb'));
      const store = await opened();
      expect(store.setAside).to.match(/store\.damaged-20260101T000000Z$/);
      expect(existsSync(join(store.setAside!, 'data.mdb'))).to.equal(true);
      expect([...store.collection('records').entries()]).to.deep.equal([]);
      await store.collection('records').put('new', 1);
    });
  }

  it('sets aside a store of another format and a file in its place, each under a name of its own', async () => {
    await writeFile(directory, 'a file');
    expect((await openAndClose()).setAside).to.match(/damaged-20260101T000000Z$/);
    const { open: openLmdb } = await import('lmdb');
    await rm(directory, { recursive: true });
    const foreign = openLmdb(directory, { overlappingSync: false });
    await foreign.put('some', 'thing');
    await foreign.close();
    expect((await openAndClose()).setAside).to.match(/damaged-20260101T000000Z-2$/);
    expect((await readdir(base)).sort()).to.have.length(3);
  });

  it('opens a store whose lock file is garbage', async () => {
    await filled();
    await writeFile(join(directory, 'lock.mdb'), 'garbage');
    const store = await opened();
    expect(store.setAside).to.equal(undefined);
    expect([...store.collection('records').entries()]).to.have.length(200);
  });

  it('never serves a flipped bit, and never dies of one', async () => {
    await filled();
    const whole = await readFile(join(directory, 'data.mdb'));
    const random = seededRandom(20260101);
    let setAside = 0;
    for (let round = 0; round < 24; round++) {
      const bytes = Buffer.from(whole);
      // Half of them into the headers of pages, where they hurt most.
      const page = random.integer(whole.length / 4096) * 4096;
      const at = round % 2 ? page + random.integer(64) : random.integer(whole.length);
      bytes[at]! ^= 1 << random.integer(8);
      await rm(directory, { recursive: true });
      await mkdir(directory);
      await writeFile(join(directory, 'data.mdb'), bytes);
      const store = await openAndClose((found) => {
        for (const [key, value] of found.collection<string>('records').entries()) expect(value).to.equal('v'.repeat(Number(key.slice(4)) * 17));
      });
      if (store.setAside) setAside++;
    }
    expect(setAside, 'stores whose damage was found').to.be.greaterThan(0);
  });

  it('fails writes on a full disk cleanly, goes on reading, and recovers', async function () {
    const disk = SmallDisk.mount(join(base, 'small'), '2m');
    if (!disk) return this.skip();
    try {
      const script = fileURLToPath(new URL('../../support/full-disk-child.ts', import.meta.url));
      const { code, stdout, stderr } = await finished(spawn(process.execPath, ['--import=tsx', script, disk.directory], { stdio: ['ignore', 'pipe', 'pipe'] }));
      expect([code, stdout], stderr.slice(-2000)).to.deep.equal([0, 'recovered\n']);
    } finally {
      disk.unmount();
    }
  });

  it('is not opened where there is no room for its lock file, which LMDB would not survive', async function () {
    const disk = SmallDisk.mount(join(base, 'full'), '16k');
    if (!disk) return this.skip();
    try {
      await writeFile(join(disk.directory, 'filler'), Buffer.alloc(3 * 4096));
      const error = await openStore(join(disk.directory, 'store'), components).then(() => undefined, MaculaError.from);
      expect(error).to.include({ code: 'MACULA_STORE_FAILED' }).and.have.property('message').that.includes('no space left');
    } finally {
      disk.unmount();
    }
  });

  async function openAndClose(look: (store: Store) => void = () => undefined): Promise<Store> {
    const store = await openStore(directory, components);
    look(store);
    await store.close();
    return store;
  }

  async function changed(path: string, change: (bytes: Buffer) => void): Promise<void> {
    const bytes = await readFile(path);
    change(bytes);
    await writeFile(path, bytes);
  }

  async function codeOf(promise: Promise<unknown>): Promise<string> {
    return promise.then(
      () => 'none',
      (error: unknown) => MaculaError.from(error).code,
    );
  }
});

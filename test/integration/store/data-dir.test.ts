import { expect } from 'chai';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { prepareDataDir } from '../../../src/lib/store/data-dir.js';
import { SmallDisk } from '../../support/small-disk.js';

describe('the data directory', () => {
  let base: string;
  beforeEach(async () => void (base = await mkdtemp(join(tmpdir(), 'macula-dir-'))));
  afterEach(() => rm(base, { recursive: true, force: true }));

  it('is made private, with those above it', async () => {
    const path = join(base, 'a', 'b');
    await prepareDataDir(path);
    await prepareDataDir(path);
    expect((await stat(path)).mode & 0o777).to.equal(0o700);
  });

  it('is made private when it was open to others', async () => {
    await writeFile(join(base, 'node.pid'), '');
    await chmod(base, 0o755);
    await prepareDataDir(base);
    expect((await stat(base)).mode & 0o777).to.equal(0o700);
  });

  it('keeps its mode when it holds the things of others', async () => {
    await writeFile(join(base, 'letter.txt'), '');
    await chmod(base, 0o1777);
    await prepareDataDir(base);
    expect((await stat(base)).mode & 0o7777).to.equal(0o1777);
    // Also when the node comes again, to what it wrote there.
    await writeFile(join(base, 'key.pem'), '');
    await prepareDataDir(base);
    expect((await stat(base)).mode & 0o7777).to.equal(0o1777);
  });

  it('is refused where the system has no such place to make it', async function () {
    if (process.platform !== 'linux') return this.skip();
    expect(await prepareDataDir('/proc/macula/data').then(() => undefined, MaculaError.from)).to.include({ code: 'MACULA_STORE_FAILED' });
  });

  it('is refused on a file system that is read-only, whether it is there or not', async function () {
    const disk = SmallDisk.mount(join(base, 'disk'), '64k');
    if (!disk) return this.skip();
    try {
      disk.makeReadOnly();
      for (const path of [disk.directory, join(disk.directory, 'a', 'b')]) {
        const error = await prepareDataDir(path).then(() => undefined, MaculaError.from);
        expect(error).to.include({ code: 'MACULA_PERMISSION_DENIED' }).and.have.property('message').that.includes('read-only');
      }
    } finally {
      disk.unmount();
    }
  });

  for (const where of ['file', 'file/below']) {
    it(`is refused where ${where} is in the way`, async () => {
      await writeFile(join(base, 'file'), '');
      const error = await prepareDataDir(join(base, where)).then(() => undefined, MaculaError.from);
      expect(error?.code).to.equal('MACULA_STORE_FAILED');
      expect(error?.message).to.include('not a directory');
    });
  }
});

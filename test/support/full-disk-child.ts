import { expect } from 'chai';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/base/clock.js';
import { silentLogger } from '../../src/lib/base/logger.js';
import { openStore } from '../../src/lib/store/store.js';

// Run by store.test.ts as a process of its own, because LMDB writes a line to stderr for each failed write. Its argument is a
// directory on a disk of 2 MiB, which it fills; it ends with 0 when the store behaved.
const small = process.argv[2]!;
await writeFile(join(small, 'filler'), Buffer.alloc(1_500_000));
const store = await openStore(join(small, 'store'), { logger: silentLogger, clock: systemClock });
const records = store.collection<Uint8Array>('records');
await records.put('first', Buffer.from('1'));
const outcomes = await Promise.allSettled(Array.from({ length: 200 }, (_, index) => records.put(`k${index}`, Buffer.alloc(8000))));
const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
expect(failed).to.not.have.length(0);
for (const { reason } of failed) expect(reason).to.include({ code: 'MACULA_STORE_FAILED' });
for (const [index, outcome] of outcomes.entries()) if (outcome.status === 'fulfilled') expect(records.get(`k${index}`)).to.have.length(8000);
for (let index = 0; index < 200; index++) await records.put(`one-${index}`, Buffer.alloc(8000)).catch(() => undefined);
expect(String(records.get('first'))).to.equal('1');
expect(store.writeFailure).to.have.property('code', 'MACULA_STORE_FAILED');
expect((await store.check())?.code).to.equal('MACULA_STORE_FAILED');
await rm(join(small, 'filler'));
await records.put('after', Buffer.from('2'));
expect(store.writeFailure, 'that was too little to tell').to.have.property('code', 'MACULA_STORE_FAILED');
expect(await store.check()).to.equal(undefined);
expect(store.writeFailure).to.equal(undefined);
await store.close();
process.stdout.write('recovered\n');

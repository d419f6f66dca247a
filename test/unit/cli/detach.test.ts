import { expect } from 'chai';
import { join } from 'node:path';
import { startDetached } from '../../../src/cli/node-start/detach.js';
import type { MaculaError } from '../../../src/lib/base/errors.js';

describe('starting a node in the background', () => {
  it('says which directory cannot take its log, and does not call that a bug', async () => {
    const noDirectory = import.meta.filename;
    const settings = { bin: join(noDirectory, 'none.js'), args: [], logFile: join(noDirectory, 'node.log'), timeoutMs: 1000 };
    const error = await startDetached(settings, new AbortController().signal).then(
      () => expect.fail('it started'),
      (reason: MaculaError) => reason,
    );
    expect(error).to.deep.include({ code: 'MACULA_STORE_FAILED', details: { path: noDirectory } });
  });
});

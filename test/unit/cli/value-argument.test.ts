import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { bytesOfValue, readValue } from '../../../src/cli/value-argument.js';

const unread = (): never => {
  throw new Error('stdin was read');
};
const codeOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, (error: { code?: string }) => error.code);

describe('the value of a command line', () => {
  let directory: string;
  before(() => void (directory = mkdtempSync(join(tmpdir(), 'macula-value-'))));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('is the argument itself, and stdin stays unread', async () => {
    expect(await readValue('good morning', unread)).to.deep.equal({ value: 'good morning', encoding: 'utf8' });
    expect(await readValue('', unread)).to.deep.equal({ value: '', encoding: 'utf8' });
    expect(await readValue('--', unread)).to.deep.equal({ value: '--', encoding: 'utf8' });
  });

  it('is the content of a file behind @, byte for byte', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0x0a, 0xc3]);
    writeFileSync(join(directory, 'binary'), bytes);
    const value = await readValue(`@${join(directory, 'binary')}`, unread);
    expect(value.encoding).to.equal('base64');
    expect(bytesOfValue(value)).to.deep.equal(bytes);
  });

  it('is all of stdin for -, also where a character is cut between two reads', async () => {
    const value = await readValue('-', () => Readable.from([Buffer.from([0xc3]), Buffer.from([0xa4, 0x0a])]));
    expect(value).to.deep.equal({ value: 'ä\n', encoding: 'utf8' });
  });

  it('keeps a byte order mark', async () => {
    const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x61]);
    expect(bytesOfValue(await readValue('-', () => Readable.from([bytes])))).to.deep.equal(bytes);
  });

  it('is refused when the file is not there, is a directory, or has no name', async () => {
    for (const argument of [`@${join(directory, 'missing')}`, `@${directory}`, '@']) expect(await codeOf(readValue(argument, unread)), argument).to.equal('MACULA_USAGE');
  });

  it('is not read further than any node would take it', async () => {
    let chunks = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        chunks++;
        yield new Uint8Array(64 * 1024);
      }
    }
    expect(await codeOf(readValue('-', endless))).to.equal('MACULA_VALUE_TOO_LARGE');
    expect(chunks).to.be.lessThan(20);
    writeFileSync(join(directory, 'huge'), Buffer.alloc(2 * 1024 * 1024));
    expect(await codeOf(readValue(`@${join(directory, 'huge')}`, unread))).to.equal('MACULA_VALUE_TOO_LARGE');
  });
});

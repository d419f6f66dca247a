import { Readable } from 'node:stream';
import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { readJsonValues } from '../../../src/lib/control/json-lines.js';

async function all(chunks: Iterable<Uint8Array>, maxBytes = 1000): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of readJsonValues(Readable.from(chunks, { objectMode: true }), maxBytes)) values.push(value);
  return values;
}

const codeOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'none', (error: unknown) => MaculaError.from(error).code);

describe('a body of JSON lines', () => {
  it('gives the same values however it is cut, with and without a last line end (property)', async () => {
    const values = fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 6 });
    await fc.assert(fc.asyncProperty(values, fc.array(fc.nat(), { maxLength: 8 }), fc.boolean(), async (list, cuts, ends) => {
      const bytes = Buffer.from(list.map((value) => JSON.stringify(value)).join('\n') + (ends ? '\n' : ''));
      const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
      const chunks = [...at, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : at[index - 1], end));
      expect(await all(chunks, 10_000)).to.deep.equal(list.map((value) => JSON.parse(JSON.stringify(value)) as unknown));
    }));
  });

  it('skips empty lines, and refuses lines that are no JSON or too long, whole or not', async () => {
    expect(await all([Buffer.from('\n1\r\n\n"a"\n')])).to.deep.equal([1, 'a']);
    expect(await codeOf(all([Buffer.from('{"a"\n')]))).to.equal('MACULA_USAGE');
    expect(await codeOf(all([Buffer.from(`"${'x'.repeat(1000)}"\n`)]))).to.equal('MACULA_VALUE_TOO_LARGE');
    expect(await codeOf(all(Array.from({ length: 30 }, () => Buffer.from('x'.repeat(100)))))).to.equal('MACULA_VALUE_TOO_LARGE');
  });
});

import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { CloseCode } from '../../../src/lib/transport/endpoint.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { protocolExamples } from './protocol-examples.js';

const page = readFileSync(new URL('../../../docs/PROTOCOL.md', import.meta.url), 'utf8');

/** Examples of the page: hex in a block after a marker; what follows two spaces on a line is comment. */
function documented(): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name, block] of page.matchAll(/<!-- example: ([a-z-]+) -->\n```text\n([^`]*)```/g)) {
    found.set(name!, block!.split('\n').map((line) => line.split('  ', 1)[0]!.replaceAll(' ', '')).join(''));
  }
  return found;
}

/** Ids in the first column of the table that follows a heading. */
function tableIds(heading: string): number[] {
  const section = page.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  return [...section.matchAll(/^\| 0x([0-9a-f]{2}) \|/gm)].map(([, id]) => parseInt(id!, 16));
}

describe('docs/PROTOCOL.md', () => {
  const examples = documented();

  it('works exactly the examples the encoders are asked for', () => {
    expect([...examples.keys()].sort()).to.deep.equal(Object.keys(protocolExamples).sort());
  });

  for (const [name, bytes] of Object.entries(protocolExamples)) {
    it(`shows the true bytes of the example ${name}`, () => expect(examples.get(name)).to.equal(Buffer.from(bytes).toString('hex')));
  }

  it('lists every frame type', () => {
    expect(tableIds('Frame types')).to.deep.equal(Object.values(FrameType).sort((a, b) => a - b));
  });

  it('lists every close code', () => {
    expect(tableIds('Close codes')).to.deep.equal(Object.values(CloseCode).sort((a, b) => a - b));
  });
});

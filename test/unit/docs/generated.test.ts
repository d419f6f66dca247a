import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { renderDocs } from '../../../scripts/generate-docs.js';

describe('generated documents', () => {
  for (const [path, text] of renderDocs()) {
    it(`${path} is what npx tsx scripts/generate-docs.ts writes`, () => {
      expect(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')).to.equal(text);
    });
  }
});

import { expect } from 'chai';
import { troubleAreas } from '../../../scripts/troubleshooting.js';
import { errorCatalogue } from '../../../src/lib/base/error-catalogue.js';
import { commandTable } from '../../../src/cli/command-table.js';
import { environmentName, settings, type SettingName } from '../../../src/lib/config/schema.js';

const entries = troubleAreas.flatMap(({ causes }) => Object.entries(causes));
const texts = [...entries.flatMap(([code, causes]) => causes.flatMap(({ cause, fix }) => [[code, cause], [code, fix]])), ...Object.entries(errorCatalogue).map(([code, { hint }]) => [code, hint])] as [string, string][];

describe('troubleshooting', () => {
  it('has every error code once, and no other', () => {
    expect(entries.map(([code]) => code)).to.have.members(Object.keys(errorCatalogue));
    expect(new Set(entries.map(([code]) => code)).size).to.equal(entries.length);
  });

  it('has at least one cause for each, and a fix for every cause', () => {
    for (const [code, causes] of entries) {
      expect(causes, code).to.have.length.of.at.least(1);
      for (const { cause, fix } of causes) for (const text of [cause, fix]) expect(text, code).to.match(/^\S.*\.$/);
    }
    for (const [code, { hint }] of Object.entries(errorCatalogue)) expect(hint, code).to.match(/^\S.*\.$/);
  });

  it('names only commands that there are', () => {
    const commands = Object.keys(commandTable).map((id) => id.replaceAll(':', ' '));
    for (const [code, text] of texts) {
      for (const [, line] of text.matchAll(/`macula ([a-z][^`]*)`/g)) expect(commands.some((command) => `${line} `.startsWith(`${command} `)), `${code}: macula ${line}`).to.equal(true);
    }
  });

  it('names only variables that there are', () => {
    const known = new Set(['MACULA_CONFIG', 'MACULA_TIMEOUT', ...(Object.keys(settings) as SettingName[]).map(environmentName), ...Object.keys(errorCatalogue)]);
    for (const [code, text] of texts) for (const [name] of text.matchAll(/MACULA_[A-Z_]+/g)) expect(known.has(name), `${code}: ${name}`).to.equal(true);
  });
});

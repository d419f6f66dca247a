import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { commandWords } from '../../../src/cli/rpc-serve/command-words.js';

const failureOf = (line: string): MaculaError => {
  try {
    commandWords(line);
  } catch (error) {
    return MaculaError.from(error);
  }
  throw new Error(`${line} was taken`);
};

describe('the words of a command line', () => {
  const cases: [string, string[]][] = [
    ['jq add', ['jq', 'add']],
    ['  jq\t-c \n add  ', ['jq', '-c', 'add']],
    [`sh -c 'echo "a b" | wc'`, ['sh', '-c', 'echo "a b" | wc']],
    ['a "b c" d', ['a', 'b c', 'd']],
    ['a b"c d"e', ['a', 'bc de']],
    [`a '' ""`, ['a', '', '']],
    ['a\\ b', ['a b']],
    ['"a\\"b\\\\c\\n"', ['a"b\\c\\n']],
    [`'a\\'b`, ['a\\b']],
    ['"$HOME" $HOME *', ['$HOME', '$HOME', '*']],
  ];
  for (const [line, words] of cases) {
    it(`${JSON.stringify(line)}: ${JSON.stringify(words)}`, () => expect(commandWords(line)).to.deep.equal(words));
  }

  for (const line of ['a "b', "a 'b", 'a\\', '"a\\"']) {
    it(`refuses ${JSON.stringify(line)}, which is not closed`, () => expect(failureOf(line)).to.include({ code: 'MACULA_USAGE' }).and.to.have.property('message').that.includes('not closed'));
  }

  for (const line of ['', '  \t']) {
    it(`refuses ${JSON.stringify(line)}, which has no word`, () => expect(failureOf(line)).to.include({ code: 'MACULA_USAGE', message: 'there is no command to run' }));
  }

  it('cuts whatever is quoted as a shell would, into the words it was made of (property)', () => {
    const word = fc.string({ unit: fc.constantFrom('a', ' ', "'", '"', '\\', '$', '`', '*', '\t', 'ä') });
    const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
    const doubled = (text: string): string => `"${text.replace(/["\\$`]/g, '\\$&')}"`;
    fc.assert(fc.property(fc.array(fc.tuple(word, fc.boolean()), { minLength: 1, maxLength: 6 }), (words) => {
      const line = words.map(([text, single]) => (single ? quote(text) : doubled(text))).join(' ');
      expect(commandWords(line)).to.deep.equal(words.map(([text]) => text));
    }));
  });

  it('agrees with a real shell where nothing is expanded', () => {
    for (const [line, words] of cases.filter(([text]) => !/[$*\n]/.test(text))) {
      const { stdout } = spawnSync('sh', ['-c', `for word in ${line.trim()}; do printf '%s\\0' "$word"; done`], { encoding: 'utf8' });
      expect(stdout.split('\0').slice(0, -1), line).to.deep.equal(words);
    }
  });
});

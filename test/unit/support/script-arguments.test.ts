import { expect } from 'chai';
import { readArguments } from '../../support/script-arguments.js';

const usage = {
  command: 'npm run trial', about: 'Tries things.', kind: 'trial', names: { long: 'takes its time', short: 'does not' },
  options: { minutes: { type: 'string', default: '10', value: 'N', about: 'how long' } },
  examples: { '--minutes 2 long': 'two minutes of it' }, isWord: (word: string) => word === '5',
} as const;

describe('arguments of scripts', () => {
  it('are names, options and words that count as well', () => {
    expect(readArguments([], usage)).to.deep.include({ words: [] }).and.to.have.nested.property('values.minutes', '10');
    expect(readArguments(['short', '5', '--minutes', '2', 'long'], usage)).to.deep.include({ words: ['short', '5', 'long'] }).and.to.have.nested.property('values.minutes', '2');
  });

  for (const flag of ['--help', '-h']) {
    it(`with ${flag} say what there is, with an example, and end well`, () => {
      expect(readArguments(['long', flag], usage)).to.deep.equal({
        exitCode: 0,
        text: [
          'Tries things.', '', 'trials:', '  long   takes its time', '  short  does not', '', 'options:', '  --minutes N  how long', '  --help       says this', '',
          'examples:', '  npm run trial -- --minutes 2 long  two minutes of it', '',
        ].join('\n'),
      });
    });
  }

  for (const [given, problem] of [
    [['--hours', '2'], "Unknown option '--hours'"], [['--minutes'], "Option '--minutes <value>' argument missing"], [['long', 'wide', 'deep'], 'there is no trial wide, deep'], [['constructor'], 'there is no trial constructor'],
  ] as const) {
    it(`with \`${given.join(' ')}\` end with 2 and say why and what there is`, () => {
      const read = readArguments(given, usage);
      expect(read).to.have.property('exitCode', 2);
      expect(read).to.have.property('text').that.matches(/^Error: [^\n]+\n {2}→ [^\n]+\n$/).and.includes(problem);
    });
  }
});

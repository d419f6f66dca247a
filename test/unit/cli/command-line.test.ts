import { expect } from 'chai';
import { findTarget, readCommandLine } from '../../../src/cli/command-line.js';

const ids = ['help', 'node:start', 'peers:list', 'peers:ping'];

describe('readCommandLine', () => {
  const cases: [string, Partial<ReturnType<typeof readCommandLine>>][] = [
    ['peers list', { words: ['peers', 'list'], rest: [], json: false, help: false }],
    ['peers ping abc --count 3', { words: ['peers', 'ping', 'abc'], rest: ['--count', '3'] }],
    ['--json --data-dir /d peers list', { words: ['peers', 'list'], rest: ['--json', '--data-dir', '/d'], json: true }],
    ['--socket=/s peers list -w', { words: ['peers', 'list'], rest: ['--socket=/s', '-w'] }],
    ['--data-dir', { words: [], rest: ['--data-dir'] }],
    ['peers list -h', { words: ['peers', 'list'], help: true }],
    ['peers ping -- --json --help', { words: ['peers', 'ping'], rest: ['--', '--json', '--help'], json: false, help: false }],
    ['--version --json', { version: true, json: true }],
    ['node start -v', { version: false, rest: ['-v'] }],
  ];
  for (const [line, expected] of cases) {
    it(`reads \`${line}\``, () => expect(readCommandLine(line.split(' '))).to.deep.include(expected));
  }
});

describe('findTarget', () => {
  const cases: [string[], ReturnType<typeof findTarget>][] = [
    [[], { kind: 'nothing' }],
    [['peers', 'ping', 'abc'], { kind: 'command', id: 'peers:ping', args: ['abc'] }],
    [['help', 'peers', 'list'], { kind: 'command', id: 'help', args: ['peers', 'list'] }],
    [['peers'], { kind: 'topic', topic: 'peers' }],
    [['peers', 'lst'], { kind: 'unknown', words: ['peers', 'lst'] }],
    [['peer'], { kind: 'unknown', words: ['peer'] }],
  ];
  for (const [words, expected] of cases) {
    it(`takes \`${words.join(' ')}\` for ${expected.kind}`, () => expect(findTarget(words, ids)).to.deep.equal(expected));
  }
});

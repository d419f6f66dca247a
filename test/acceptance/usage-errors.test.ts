import { expect } from 'chai';
import { macula, manifestCommands, onlyObject, type FailureJson } from '../support/cli.js';

interface UsageCase {
  readonly args: readonly string[];
  readonly message: RegExp;
  readonly hint?: RegExp;
}

const id = 'a'.repeat(64);

const cases: readonly UsageCase[] = [
  { args: ['peer'], message: /unknown command: macula peer$/ },
  { args: ['stauts'], message: /unknown command: macula stauts/ },
  { args: ['peers', 'lsit'], message: /unknown command: macula peers lsit/, hint: /macula peers list/ },
  { args: ['peers', 'pong', id], message: /unknown command: macula peers pong/, hint: /macula peers ping/ },
  { args: ['node', 'start', '--prot', '1'], message: /unknown flag --prot/, hint: /--port/ },
  { args: ['peers', 'list', '--bogus'], message: /unknown flag --bogus/, hint: /macula peers list --help/ },
  { args: ['--bogus'], message: /no command before --bogus/ },
  { args: ['peers', 'list', 'extra'], message: /unexpected argument: extra/ },
  { args: ['peers', 'ping'], message: /missing 1 required arg: id$/ },
  { args: ['dht', 'put'], message: /missing 2 required args: key, value$/ },
  { args: ['peers', 'ping', 'xyz'], message: /not a node id: "xyz"/ },
  { args: ['peers', 'ping', id, '--count', '0'], message: /0/ },
  { args: ['peers', 'ping', id, '--count', 'many'], message: /many/ },
  { args: ['peers', 'list', '--timeout', '3'], message: /--timeout is not a duration: "3"/, hint: /500ms/ },
  { args: ['peers', 'list', '--timeout', '0s'], message: /--timeout must be between/ },
  { args: ['peers', 'list', '--timeout'], message: /--timeout expects a value/ },
  { args: ['node', 'wait', '--for', 'peers>=x'], message: /cannot wait for "peers>=x"/, hint: /ready, peers>=N/ },
  { args: ['node', 'start', '--port', '70000'], message: /quicPort \(from --port\) is "70000"/ },
  { args: ['config', 'show', '--log-level', 'loud'], message: /logLevel \(from --log-level\)/ },
  { args: ['cert', 'init', '--key-type', 'rsa-512'], message: /expected --key-type=rsa-512 to be one of/ },
  { args: ['completion', 'tcsh'], message: /expected tcsh to be one of/ },
  { args: ['help', 'nothing'], message: /no such command/ },
];

describe('usage errors', () => {
  for (const { args, message, hint } of cases) {
    it(`macula ${args.join(' ')} exits with 2, with and without --json`, async () => {
      const [text, json] = await Promise.all([macula(args), macula(['--json', ...args])]);
      expect(text.code, text.stderr).to.equal(2);
      expect(text.stdout).to.equal('');
      expect(text.stderr).to.match(/^Error: .*\[MACULA_[A-Z_]+\]$/m).and.to.match(/^ {2}→ /m);
      expect(json.code).to.equal(2);
      expect(json.stderr).to.equal('');
      const { error } = onlyObject<FailureJson>(json);
      expect(Object.keys(error)).to.deep.equal(['code', 'message', 'hint', 'details']);
      expect(error.message).to.match(message);
      if (hint) expect(error.hint).to.match(hint);
    });
  }

  for (const { id: command } of manifestCommands()) {
    const words = command.split(':');
    it(`${words.join(' ')} refuses an unknown flag with 2 and one JSON object`, async () => {
      const result = await macula([...words, '--definitely-unknown', '--json']);
      expect(result.code).to.equal(2);
      expect(onlyObject<FailureJson>(result).error.code).to.equal('MACULA_USAGE');
    });
  }

  it('a bad MACULA_TIMEOUT is named as what is wrong, with the flag given and without', async () => {
    for (const flags of [[], ['--timeout', '1s']]) {
      const result = await macula(['peers', 'list', '--json', ...flags], { env: { MACULA_TIMEOUT: '3' } });
      expect(result.code).to.equal(2);
      expect(onlyObject<FailureJson>(result).error.message).to.equal('MACULA_TIMEOUT is not a duration: "3"');
    }
  });

  it('global flags may stand before the command', async () => {
    const result = await macula(['--json', '--data-dir', '/nonexistent', 'peers', 'list']);
    expect(result.code).to.equal(3);
    expect(onlyObject<FailureJson>(result).error.details).to.include({ dataDir: '/nonexistent' });
  });
});

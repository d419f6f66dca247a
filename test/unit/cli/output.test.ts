import { expect } from 'chai';
import { commandError, reportError } from '../../../src/cli/command-errors.js';
import { colourWanted, Output } from '../../../src/cli/output.js';
import { MaculaError } from '../../../src/lib/base/errors.js';

class Sink {
  text = '';
  isTTY: boolean;

  constructor(isTTY = false) {
    this.isTTY = isTTY;
  }

  write(text: string, done?: () => void): boolean {
    this.text += text;
    done?.();
    return true;
  }
}

function output(settings: { json?: boolean; colour?: boolean; terminal?: boolean } = {}): { output: Output; stdout: Sink; stderr: Sink } {
  const stdout = new Sink(settings.terminal);
  const stderr = new Sink(settings.terminal);
  return { output: new Output({ stdout, stderr }, { json: settings.json ?? false, colour: settings.colour ?? true }), stdout, stderr };
}

describe('Output', () => {
  it('prints text for people and one object with schemaVersion first for scripts', () => {
    const people = output();
    people.output.result({ a: 1 }, 'a is 1');
    expect(people.stdout.text).to.equal('a is 1\n');
    const scripts = output({ json: true });
    scripts.output.result({ a: 1 }, () => expect.fail('text is not made when nobody reads it'));
    expect(scripts.stdout.text).to.equal('{"schemaVersion":1,"a":1}\n');
  });

  it('colours only on a terminal that wants it', () => {
    expect(output({ terminal: true }).output.style('red', 'x')).to.equal('\u001b[31mx\u001b[39m');
    expect(output({ terminal: false }).output.style('red', 'x')).to.equal('x');
    expect(output({ terminal: true, colour: false }).output.style('red', 'x')).to.equal('x');
  });

  it('knows who wants no colour', () => {
    expect(colourWanted([], {})).to.equal(true);
    expect(colourWanted(['--no-color'], {})).to.equal(false);
    expect(colourWanted([], { NO_COLOR: '1' })).to.equal(false);
    expect(colourWanted([], { NO_COLOR: '' })).to.equal(true);
    expect(colourWanted([], { TERM: 'dumb' })).to.equal(false);
  });
});

describe('errors of commands', () => {
  it('are shown as message, code and hint on stderr', () => {
    const { output: out, stdout, stderr } = output();
    reportError(new MaculaError('MACULA_NO_NODE', 'no node', { hint: 'Start one.' }), out, {});
    expect(stderr.text).to.equal('Error: no node [MACULA_NO_NODE]\n  → Start one.\n');
    expect(stdout.text).to.equal('');
  });

  it('are one object on stdout with --json', () => {
    const { output: out, stdout, stderr } = output({ json: true });
    reportError(new MaculaError('MACULA_NO_NODE', 'no node', { hint: 'Start one.', details: { dataDir: '/d' } }), out, {});
    expect(stdout.text).to.equal('{"schemaVersion":1,"error":{"code":"MACULA_NO_NODE","message":"no node","hint":"Start one.","details":{"dataDir":"/d"}}}\n');
    expect(stderr.text).to.equal('');
  });

  it('cannot write to the terminal what a peer sent', () => {
    const { output: out, stderr } = output();
    reportError(new MaculaError('MACULA_REMOTE_ERROR', 'it said \u001b[2Jgone\nError: forged'), out, {});
    expect(stderr.text).to.include('it said \\x1b[2Jgone\n    Error: forged');
  });

  it('keep code and exit code when they come from the library in dist/lib', () => {
    const foreign = Object.assign(new Error('taken'), { code: 'MACULA_PORT_IN_USE', toJSON: () => ({ code: 'MACULA_PORT_IN_USE', message: 'taken', hint: 'h', details: {} }) });
    expect(commandError(foreign, 'node start')).to.include({ code: 'MACULA_PORT_IN_USE', exitCode: 9, message: 'taken' });
  });

  it('are unexpected when they are none of ours, and show the stack when asked for', () => {
    const shown = commandError(new TypeError('x is not a function'), 'peers list');
    expect(shown).to.include({ code: 'MACULA_UNEXPECTED', exitCode: 1 });
    const { output: out, stderr } = output();
    reportError(shown, out, { MACULA_LOG_LEVEL: 'debug' });
    expect(stderr.text).to.include('report').and.to.match(/TypeError: x is not a function\n +at /);
  });
});

import { expect } from 'chai';
import { PingSummary } from '../../../src/cli/ping-summary.js';
import { ReadyFirstLog } from '../../../src/cli/node-start/ready-first-log.js';
import { nearestName } from '../../../src/lib/config/nearest-name.js';
import { columns, humanBytes, humanMs, humanSeconds, printable } from '../../../src/cli/text.js';

describe('text for people', () => {
  it('aligns columns without trailing blanks', () => {
    expect(columns([['a', 'bb', ''], ['ccc', 'd', 'e']])).to.equal('a    bb\nccc  d   e');
  });

  it('shows times, spans and amounts in units people read', () => {
    expect([0.314, 42, 250.4].map(humanMs)).to.deep.equal(['0.31 ms', '42.0 ms', '250 ms']);
    expect([5.9, 65, 3700, 90_000].map(humanSeconds)).to.deep.equal(['5s', '1m 5s', '1h 1m', '1d 1h']);
    expect([512, 2048, 3 * 1024 ** 3].map(humanBytes)).to.deep.equal(['512 B', '2.0 KiB', '3.0 GiB']);
  });

  it('shows what turns the direction of text or breaks lines as escapes', () => expect(printable('a\u202eb\u2028c\u2066שלום')).to.equal('a\\u202eb\\u2028c\\u2066שלום'));

  it('shows control characters as escapes', () => expect(printable('a\u001b[0m\u0007\u009bé')).to.equal('a\\x1b[0m\\x07\\x9bé'));
});

describe('closest', () => {
  const commands = ['node start', 'node status', 'peers list', 'peers ping'];
  for (const [written, meant] of [['peers lsit', 'peers list'], ['node stat', 'node start'], ['Peers Ping', 'peers ping'], ['entirely different', undefined]] as const) {
    it(`takes ${written} for ${meant ?? 'nothing'}`, () => expect(nearestName(written, commands)).to.equal(meant));
  }
});

describe('PingSummary', () => {
  it('counts what was answered and how fast', () => {
    const summary = new PingSummary();
    summary.add({ seq: 1, rttMs: 2, path: 'relay', via: null });
    summary.add({ seq: 2, error: { code: 'MACULA_TIMED_OUT', message: 'late' } });
    expect(summary.direct).to.equal(false);
    summary.add({ seq: 3, rttMs: 4, path: 'direct', via: null });
    expect(summary.toJSON()).to.deep.equal({ sent: 3, answered: 2, direct: true, minMs: 2, meanMs: 3, maxMs: 4 });
    expect(summary.text()).to.equal('2 of 3 answered; min 2.00 ms, mean 3.00 ms, max 4.00 ms');
  });

  it('has no times when nothing was answered', () => {
    const summary = new PingSummary();
    summary.add({ seq: 1, error: { code: 'MACULA_TIMED_OUT', message: 'late' } });
    expect(summary.toJSON()).to.include({ answered: 0, minMs: null });
    expect(summary.text()).to.equal('0 of 1 answered');
  });
});

describe('ReadyFirstLog', () => {
  const sinks = (): { stdout: { lines: string[]; write(line: string): void }; stderr: { lines: string[]; write(line: string): void } } => {
    const sink = () => ({ lines: [] as string[], write(line: string): void { this.lines.push(line); } });
    return { stdout: sink(), stderr: sink() };
  };

  it('holds lines back until the node is ready, then lets them through', () => {
    const streams = sinks();
    const log = new ReadyFirstLog(streams);
    log.write('early\n');
    expect(streams.stdout.lines).to.deep.equal([]);
    log.release();
    log.write('late\n');
    expect(streams.stdout.lines).to.deep.equal(['early\n', 'late\n']);
  });

  it('leaves stdout to the error when the node never is', () => {
    const streams = sinks();
    const log = new ReadyFirstLog(streams);
    log.write('early\n');
    log.giveUp();
    expect(streams).to.deep.include({ stdout: { ...streams.stdout, lines: [] } });
    expect(streams.stderr.lines).to.deep.equal(['early\n']);
  });
});

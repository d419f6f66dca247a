import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import type { Logger, LogLevel } from '../../../src/lib/base/logger.js';
import { escapeLine } from '../../../src/lib/observability/log-fields.js';
import { createPinoLogger } from '../../../src/lib/observability/pino-logger.js';
import { VirtualClock } from '../../support/virtual-clock.js';

function logging(level: LogLevel = 'debug'): { logger: Logger; lines: string[]; last(): Record<string, unknown> } {
  const lines: string[] = [];
  const logger = createPinoLogger({ clock: new VirtualClock(Date.UTC(2026, 0, 2)), destination: { write: (line) => lines.push(line) } }, { level });
  return { logger, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> };
}

describe('the log', () => {
  it('has level, time, process, message and fields on each line', () => {
    const { logger, lines, last } = logging();
    logger.warn('peer lost', { peer: 'abc', attempts: 3 });
    expect(last()).to.deep.equal({ level: 'warn', time: '2026-01-02T00:00:00.000Z', pid: process.pid, msg: 'peer lost', peer: 'abc', attempts: 3 });
    expect(lines[0]).to.match(/^[^\n]*\n$/);
  });

  it('does not fail with what it is written to', () => {
    const full = (): never => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    const logger = createPinoLogger({ clock: new VirtualClock(), destination: { write: full } }, { level: 'info' });
    expect(() => logger.error('the disk is full')).not.to.throw();
  });

  it('leaves out what is below its level', () => {
    const { logger, lines } = logging('warn');
    logger.debug('a');
    logger.info('b');
    logger.warn('c');
    logger.error('d');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).to.deep.equal(['c', 'd']);
  });

  it('says nothing at level silent', () => {
    const { logger, lines } = logging('silent');
    logger.error('d');
    expect(lines).to.deep.equal([]);
  });

  it('adds the fields of a child to each of its lines, secrets withheld', () => {
    const { logger, last } = logging();
    logger.child({ area: 'peers', token: 'abc' }).info('hello', { x: 1 });
    expect(last()).to.include({ area: 'peers', token: '(withheld)', x: 1 });
  });

  it('has nothing in it that a terminal obeys', () => {
    const { logger, lines, last } = logging();
    const hostile = '\u001b[2J\u009b31m\r\n\u2028\u2029\u202e\u2066\u0085\u007f\u0000end';
    logger.info('refused', { reason: hostile, nested: [{ agent: hostile }], [hostile]: 1 });
    expect(lines[0]!.slice(0, -1)).not.to.match(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
    expect(last()).to.deep.include({ reason: hostile, nested: [{ agent: hostile }] });
  });

  it('is the same JSON after escaping, whatever is in it', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
      const line = JSON.stringify({ value, text });
      expect(JSON.parse(escapeLine(line))).to.deep.equal(JSON.parse(line));
    }));
  });

  it('withholds secrets by name at any depth', () => {
    const { logger, lines } = logging();
    logger.info('x', { realmSecret: 'hunter2', settings: { identity: [{ privateKeyPem: 'hunter2', private_key: 'hunter2' }], token: 'hunter2', Password: 'hunter2' } });
    expect(lines[0]).not.to.contain('hunter2');
    expect(lines[0]).to.contain('(withheld)');
  });

  it('shows errors with code, details and cause', () => {
    const { logger, last } = logging();
    const cause = Object.assign(new Error('bind failed'), { code: 'EADDRINUSE' });
    logger.error('x', { error: new MaculaError('MACULA_PORT_IN_USE', 'port 1 is taken', { details: { port: 1, secret: 's' }, cause }) });
    const error = last().error as Record<string, unknown>;
    expect(error).to.deep.include({ code: 'MACULA_PORT_IN_USE', message: 'port 1 is taken', details: { port: 1, secret: '(withheld)' } });
    expect(error.cause).to.include({ name: 'Error', message: 'bind failed' });
    expect(error.stack).to.contain('MaculaError');
  });

  it('stands anything: bytes, big numbers, circles, long texts, long lists', () => {
    const { logger, last } = logging();
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    logger.info('x', { bytes: new Uint8Array(5), big: 2n ** 64n, circle, text: 'x'.repeat(10_000), list: Array.from({ length: 1000 }, () => 1), none: undefined });
    const line = last();
    expect(line).to.include({ bytes: '5 bytes', big: '18446744073709551616' });
    expect((line.text as string).length).to.be.below(5000);
    expect(line.list).to.have.lengthOf(100);
  });
});

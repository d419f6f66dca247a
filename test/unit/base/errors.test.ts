import { expect } from 'chai';
import { errorCatalogue } from '../../../src/lib/base/error-catalogue.js';
import { errnoOf, MaculaError } from '../../../src/lib/base/errors.js';
import { ExitCode } from '../../../src/lib/base/exit-codes.js';

describe('MaculaError', () => {
  it('takes exit code, hint and retryability from the catalogue', () => {
    const error = new MaculaError('MACULA_NO_NODE', 'no node');
    expect(error).to.include({ exitCode: ExitCode.noNode, hint: errorCatalogue.MACULA_NO_NODE.hint, retryable: true });
  });

  it('survives the way through JSON', () => {
    const error = new MaculaError('MACULA_TIMED_OUT', 'too slow', { hint: 'wait', details: { timeoutMs: 5 } });
    const copy = MaculaError.fromJSON(JSON.parse(JSON.stringify(error)));
    expect(copy).to.deep.include({ code: 'MACULA_TIMED_OUT', message: 'too slow', hint: 'wait', details: { timeoutMs: 5 } });
  });

  for (const code of ['MACULA_FROM_THE_FUTURE', 'toString', '__proto__']) {
    it(`takes the code ${code}, which it does not know, for an unexpected error and keeps it in the message`, () => {
      const copy = MaculaError.fromJSON({ code, message: 'hm', hint: '', details: {} });
      expect(copy).to.include({ code: 'MACULA_UNEXPECTED', message: `${code}: hm` });
    });
  }

  it('wraps foreign errors and keeps its own', () => {
    const own = new MaculaError('MACULA_ABORTED', 'x');
    const foreign = new TypeError('y');
    expect(MaculaError.from(own)).to.equal(own);
    expect(MaculaError.from(foreign)).to.include({ code: 'MACULA_UNEXPECTED', message: 'y', cause: foreign });
  });

  it('reads the errno name of system errors only', () => {
    expect(errnoOf(Object.assign(new Error('x'), { code: 'ENOENT' }))).to.equal('ENOENT');
    expect(errnoOf(new Error('x'))).to.equal(undefined);
    expect(errnoOf('ENOENT')).to.equal(undefined);
    expect(errnoOf(new MaculaError('MACULA_USAGE', 'x'))).to.equal(undefined);
  });
});

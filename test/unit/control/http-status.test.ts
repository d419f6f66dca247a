import { expect } from 'chai';
import { errorCatalogue, type ErrorCode } from '../../../src/lib/base/error-catalogue.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { httpStatusOf } from '../../../src/lib/control/http-status.js';

describe('the HTTP status of an error', () => {
  const cases: [ErrorCode, number][] = [
    ['MACULA_USAGE', 400],
    ['MACULA_CONTROL_REFUSED', 403],
    ['MACULA_PEER_NOT_FOUND', 404],
    ['MACULA_FILE_EXISTS', 409],
    ['MACULA_UNEXPECTED', 500],
    ['MACULA_REMOTE_ERROR', 502],
    ['MACULA_OVERLOADED', 503],
    ['MACULA_NO_NODE', 503],
    ['MACULA_TIMED_OUT', 504],
  ];
  for (const [code, status] of cases) {
    it(`${code} is ${status}`, () => expect(httpStatusOf(new MaculaError(code, ''))).to.equal(status));
  }

  it('is a failure for every code', () => {
    for (const code of Object.keys(errorCatalogue) as ErrorCode[]) expect(httpStatusOf(new MaculaError(code, ''))).to.be.within(400, 599);
  });
});

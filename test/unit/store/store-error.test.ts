import { expect } from 'chai';
import { constants } from 'node:os';
import { isEnvironmental, storeError } from '../../../src/lib/store/store-error.js';

describe('an error of the store', () => {
  const { EACCES, EROFS, ENOSPC, EIO, EISDIR } = constants.errno;
  const cases: [string, unknown, string, RegExp][] = [
    ['lacking rights', EACCES, 'MACULA_PERMISSION_DENIED', /permission denied/],
    ['lacking rights, by name', 'EACCES', 'MACULA_PERMISSION_DENIED', /permission denied/],
    ['a read-only disk', EROFS, 'MACULA_PERMISSION_DENIED', /read-only/],
    ['a full disk', ENOSPC, 'MACULA_STORE_FAILED', /no space left/],
    ['a broken disk', EIO, 'MACULA_STORE_FAILED', /reason/],
    ['anything else', undefined, 'MACULA_STORE_FAILED', /reason/],
  ];
  for (const [what, code, expected, message] of cases) {
    it(`names ${what}`, () => {
      const error = storeError('cannot write', '/data/store', Object.assign(new Error('reason'), { code }));
      expect(error.code).to.equal(expected);
      expect(error.message).to.match(message).and.include('/data/store');
    });
  }

  it('is blamed on the bytes of the store only when the system around it is not at fault', () => {
    for (const number of [EACCES, EROFS, ENOSPC, EIO]) expect(isEnvironmental(number)).to.equal(true);
    for (const number of [EISDIR, -30793, -30796, undefined]) expect(isEnvironmental(number)).to.equal(false);
  });
});

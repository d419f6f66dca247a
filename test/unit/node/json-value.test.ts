import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { fromJsonValue, toJsonValue } from '../../../src/lib/node/json-value.js';

const throughJson = (value: unknown): unknown => fromJsonValue(JSON.parse(JSON.stringify(toJsonValue(value))));

describe('values of the mesh as JSON', () => {
  const shown: [string, unknown, string][] = [
    ['bytes', Buffer.from([0, 255]), '{"$base64":"AP8="}'],
    ['no bytes', new Uint8Array(0), '{"$base64":""}'],
    ['a part of a buffer', new Uint8Array([1, 2, 3, 4]).subarray(1, 3), '{"$base64":"AgM="}'],
    ['integers beyond what JSON readers keep', 2n ** 63n, '"9223372036854775808"'],
    ['numbers that are none', [NaN, Infinity, -Infinity], '[null,null,null]'],
    ['nothing', undefined, 'null'],
    ['nested', { list: [Buffer.from('a'), { deep: undefined }] }, '{"list":[{"$base64":"YQ=="},{"deep":null}]}'],
  ];
  for (const [what, value, json] of shown) {
    it(`write ${what} as ${json}`, () => expect(JSON.stringify(toJsonValue(value))).to.equal(json));
  }

  for (const wrong of ['@', 'YQ', 'YQ=', 'Y===', 5, null, ['YQ=='], {}]) {
    it(`take ${JSON.stringify({ $base64: wrong })} for a mistake`, () => {
      expect(() => fromJsonValue([{ $base64: wrong }])).to.throw(MaculaError).with.property('code', 'MACULA_USAGE');
    });
  }

  it('read an object with more than that one key as what it is', () => {
    const value = { $base64: 'YQ==', other: 1 };
    expect(fromJsonValue(value)).to.deep.equal(value);
  });

  it('are refused where they are nested deeper than the mesh carries, before the stack ends', () => {
    const nested = (depth: number, inner: unknown): unknown => Array.from({ length: depth }).reduce((value) => [value], inner);
    for (const inner of [1, { $base64: 'aGk=' }]) expect(() => fromJsonValue(nested(32, inner))).not.to.throw();
    for (const depth of [33, 100_000]) expect(() => fromJsonValue(nested(depth, 1))).to.throw(MaculaError).with.property('code', 'MACULA_INVALID_VALUE');
    expect(() => fromJsonValue({ a: nested(32, 1) })).to.throw(MaculaError).with.property('code', 'MACULA_INVALID_VALUE');
  });

  it('keep a key that would be a prototype a key, both ways', () => {
    const value = JSON.parse('{"__proto__":{"polluted":true}}') as object;
    for (const read of [toJsonValue(value), fromJsonValue(value)] as object[]) {
      expect(Object.keys(read)).to.deep.equal(['__proto__']);
      expect((read as { polluted?: unknown }).polluted).to.equal(undefined);
    }
  });

  it('come back as they were (property)', () => {
    const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array));
    // An object whose one key is $base64 means bytes; there is no other way to write those.
    const key = fc.string({ maxLength: 8 }).filter((text) => text !== '$base64');
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: 'small' }, fc.constant(null), fc.boolean(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0 || 0), fc.string(), bytes, fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(key, tie('value'), { maxKeys: 4 })),
    }));
    fc.assert(fc.property(value, (original) => {
      expect(throughJson(original)).to.deep.equal(original);
    }));
  });
});

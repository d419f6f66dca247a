import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { decodeCorrelated } from '../../../src/lib/wire/correlation.js';
import { checkMessagePack, decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';
import { messagePackProblem } from '../../../src/lib/wire/message-pack-scan.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof MaculaError ? error.code : `not a MaculaError: ${String(error)}`;
  }
};

describe('decodeBody', () => {
  const accepted: [what: string, bytes: string, value: unknown][] = [
    ['nil', 'c0', null],
    ['booleans', '92 c2 c3', [false, true]],
    ['every integer width', '99 07 cc80 cd0100 ce00010000 cf0000000100000000 d0df d1ff00 d2ffff0000 d3ffffffff00000000', [7, 128, 256, 65536, 2 ** 32, -33, -256, -65536, -(2 ** 32)]],
    ['integers beyond 2^53', 'cf 7fffffffffffffff', 9223372036854775807n],
    ['small fixed integers', '93 00 7f e0', [0, 127, -32]],
    ['tokens that other profiles use for records', '92 40 7f', [64, 127]],
    ['floats', '92 ca 3fc00000 cb 3ff8000000000000', [1.5, 1.5]],
    ['every string width', '94 a161 d90161 da000161 db0000000161', ['a', 'a', 'a', 'a']],
    ['every binary width', '93 c40101 c5000101 c60000000101', [Buffer.of(1), Buffer.of(1), Buffer.of(1)]],
    ['every array width', '93 90 dc000101 dd0000000101', [[], [1], [1]]],
    ['every map width', '93 80 de0001a16101 df00000001a16101', [{}, { a: 1 }, { a: 1 }]],
    ['strings beyond ASCII', 'a9 c3a9 e282ac f09f9880', 'é€😀'],
    ['empty key', '81 a0 01', { '': 1 }],
    ['the same key in different maps', '92 81a16101 81a16102', [{ a: 1 }, { a: 2 }]],
    ['the same key in a map inside a map', '82 a161 81a16101 a162 81a16102', { a: { a: 1 }, b: { a: 2 } }],
    ['the key constructor, which is only data', '81 ab636f6e7374727563746f72 01', { constructor: 1 }],
  ];
  for (const [what, bytes, value] of accepted) {
    it(`reads ${what}`, () => expect(decodeBody(hex(bytes))).to.deep.equal(value));
  }

  const refused: [what: string, bytes: string, problem: RegExp][] = [
    ['nothing at all', '', /truncated/],
    ['a second value', 'c0 c0', /after the end/],
    ['the unused type byte', 'c1', /0xc1/],
    ['a timestamp', 'd6 ff 00000000', /extension/],
    ['an extension of each other width', 'c7 01 72 00', /extension/],
    ['the record extension of msgpackr', 'd4 72 40', /extension/],
    ['a truncated string', 'a5 61', /truncated/],
    ['a truncated 32-bit length', 'db 0000', /truncated/],
    ['a truncated number', 'cb 00', /truncated/],
    ['a truncated binary', 'c6 ffffffff 00', /truncated/],
    ['an array larger than the message', 'dd ffffffff', /array longer/],
    ['a map larger than the message', 'df ffffffff', /map larger/],
    ['a map of one key without value', '81 a161', /truncated|larger/],
    ['an integer key', '81 01 01', /not a string/],
    ['a nil key', '81 c0 01', /not a string/],
    ['a binary key', '81 c40161 01', /not a string/],
    ['an array as key', '81 90 01', /not a string/],
    ['a map as key', '81 80 01', /not a string/],
    ['a key twice', '82 a161 01 a161 02', /duplicate/],
    ['a key twice in different widths', '82 a161 01 d90161 02', /duplicate/],
    ['a key twice around a nested map', '83 a161 81a17801 a162 01 a161 02', /duplicate/],
    ['the key __proto__', '81 a95f5f70726f746f5f5f 80', /__proto__/],
    ['the key __proto__ in a wide string', '81 d9095f5f70726f746f5f5f 80', /__proto__/],
    ['overlong UTF-8', 'a2 c080', /UTF-8/],
    ['a surrogate in UTF-8', 'a3 eda080', /UTF-8/],
    ['a cut UTF-8 sequence', 'a2 e282', /UTF-8/],
    ['invalid UTF-8 late in a long string', `d946 ${'61'.repeat(69)} ff`, /UTF-8/],
    ['invalid UTF-8 in a key', '81 a1ff 01', /UTF-8/],
  ];
  for (const [what, bytes, problem] of refused) {
    it(`refuses ${what}`, () => {
      expect(messagePackProblem(hex(bytes))).to.match(problem);
      expect(codeOf(() => decodeBody(hex(bytes)))).to.equal('MACULA_PROTOCOL_VIOLATION');
    });
  }

  it('accepts 32 levels of nesting and refuses 33', () => {
    for (const opener of ['91', '81a161']) {
      expect(messagePackProblem(hex(`${opener.repeat(32)}c0`))).to.equal(undefined);
      expect(messagePackProblem(hex(`${opener.repeat(33)}c0`))).to.match(/nesting/);
    }
    expect(messagePackProblem(Buffer.alloc(1 << 20, 0x91))).to.match(/nesting/);
  });

  it('finds a duplicate among a hundred thousand keys, and is not slowed by them', () => {
    const keys = Array.from({ length: 100_000 }, (_, index) => `a5${Buffer.from(index.toString(36).padStart(5, '_')).toString('hex')}c0`);
    const bytes = (list: string[]): Buffer => hex(`df${list.length.toString(16).padStart(8, '0')}${list.join('')}`);
    const distinct = bytes(keys);
    const started = process.cpuUsage();
    expect(messagePackProblem(distinct)).to.equal(undefined);
    // Comparing every pair would take minutes.
    expect(process.cpuUsage(started).user).to.be.below(5_000_000);
    expect(messagePackProblem(bytes([...keys, keys[77]!]))).to.match(/duplicate/);
    expect(Object.keys(decodeBody(distinct) as object)).to.have.length(100_000);
  });

  it('owns its memory: overwriting the input changes nothing', () => {
    const bytes = Buffer.from(encodeBody([Buffer.from('abc'), 'text', { k: Buffer.alloc(9000, 1) }]));
    const value = decodeBody(bytes);
    bytes.fill(0);
    expect(value).to.deep.equal([Buffer.from('abc'), 'text', { k: Buffer.alloc(9000, 1) }]);
  });

  it('works on after a refusal', () => {
    expect(codeOf(() => decodeBody(hex('82 a161 01 a161 02')))).to.equal('MACULA_PROTOCOL_VIOLATION');
    expect(decodeBody(hex('81 a161 01'))).to.deep.equal({ a: 1 });
  });

  it('reads any random bytes as a value or a violation (seed 21)', () => {
    const random = seededRandom(21);
    const openers = [0x82, 0x93, 0xa3, 0xc4, 0xd9, 0xdc, 0xde, 0xdf, 0xcf, 0xd3];
    for (let round = 0; round < 20_000; round += 1) {
      const bytes = Buffer.from(random.bytes(1 + random.integer(60)));
      for (let count = random.integer(4); count > 0; count -= 1) bytes[random.integer(bytes.length)] = openers[random.integer(openers.length)]!;
      expect(codeOf(() => decodeBody(bytes))).to.be.oneOf([undefined, 'MACULA_PROTOCOL_VIOLATION']);
    }
  });

  it('reads mutations of a good message as a value or a violation (seed 22)', () => {
    const random = seededRandom(22);
    const good = encodeBody([5, { topic: 'a/b', list: [1, 2.5, null, true, Buffer.alloc(30)], deep: { er: { x: 'é'.repeat(40) } } }]);
    for (let round = 0; round < 20_000; round += 1) {
      const bytes = Buffer.from(good);
      for (let count = random.integer(3); count >= 0; count -= 1) bytes[random.integer(bytes.length)] = random.integer(256);
      const cut = bytes.subarray(0, random.integer(4) === 0 ? random.integer(bytes.length) : bytes.length);
      expect(codeOf(() => decodeBody(cut))).to.be.oneOf([undefined, 'MACULA_PROTOCOL_VIOLATION']);
    }
  });
});

describe('encodeBody', () => {
  const keys = fc.string().filter((key) => key !== '__proto__');
  const { value: anyValue } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 5 },
      fc.constant(null), fc.boolean(), fc.integer(), fc.double({ noNaN: true }).map((number) => number + 0), fc.maxSafeInteger(), fc.string({ unit: 'grapheme' }), fc.bigInt({ min: 2n ** 54n, max: 2n ** 63n }),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      fc.array(tie('value'), { maxLength: 20 }), fc.dictionary(keys, tie('value'), { maxKeys: 20, noNullPrototype: true })),
  }));

  it('gives back any plain value', () => {
    fc.assert(fc.property(anyValue, (value) => {
      const bytes = encodeBody(value);
      checkMessagePack(bytes);
      expect(decodeBody(bytes)).to.deep.equal(value);
    }), { numRuns: 1000 });
  });

  it('writes undefined as nil', () => expect(decodeBody(encodeBody([undefined]))).to.deep.equal([null]));

  it('carries bytes alike from Uint8Array, Buffer and views of larger memory', () => {
    const bytes = [1, 2, 3];
    for (const value of [Uint8Array.from(bytes), Buffer.from(bytes), new Uint8Array([0, ...bytes, 0]).subarray(1, 4), Uint8Array.from(bytes).buffer]) {
      expect(Buffer.from(encodeBody([value])).toString('hex')).to.equal('91c403010203');
    }
  });

  it('can carry again what it decoded, whatever kind of memory it came in', () => {
    const bytes = encodeBody([{ b: Buffer.alloc(200, 1) }, 2n ** 60n]);
    for (const input of [Buffer.from(bytes), Uint8Array.from(bytes)]) {
      expect(decodeBody(input)).to.deep.equal([{ b: Buffer.alloc(200, 1) }, 2n ** 60n]);
      expect(encodeBody(decodeBody(input))).to.deep.equal(bytes);
    }
  });

  it('writes sets as arrays and objects with toJSON as what it gives', () => {
    expect(decodeBody(encodeBody([new Set([1, 2]), new URL('https://example.org/')]))).to.deep.equal([[1, 2], 'https://example.org/']);
  });

  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  let deep: unknown = 1;
  for (let level = 0; level < 33; level += 1) deep = [deep];
  const unsendable: [what: string, value: unknown][] = [
    ['a date', new Date(0)],
    ['a map with keys that are not text', new Map([[1, 2]])],
    ['another typed array', new Float32Array(2)],
    ['another typed array deep inside', [{ a: new BigUint64Array(1) }]],
    ['a data view', new DataView(new ArrayBuffer(4))],
    ['a symbol', Symbol('x')],
    ['an integer beyond 64 bits', 2n ** 64n],
    ['a circular structure', circular],
    ['33 levels', deep],
    ['an own key __proto__', JSON.parse('{"__proto__": 1}')],
    ['a lone surrogate', '\ud800'],
  ];
  for (const [what, value] of unsendable) {
    it(`refuses ${what}, because the peer would`, () => {
      expect(codeOf(() => encodeBody(value))).to.equal('MACULA_INVALID_VALUE');
      expect(decodeBody(encodeBody([1, 'still fine']))).to.deep.equal([1, 'still fine']);
    });
  }
});

describe('decodeCorrelated', () => {
  it('reads the id and the body', () => {
    expect(decodeCorrelated(encodeBody([0xffff_ffff, { a: 1 }]))).to.deep.equal({ id: 0xffff_ffff, body: { a: 1 } });
  });
  for (const value of [null, 5, [], [1], [1, 2, 3], [-1, 0], [1.5, 0], ['1', 0], [2 ** 32, 0], { 0: 1, 1: 2 }, [null, 0]]) {
    it(`refuses ${JSON.stringify(value)}`, () => {
      expect(codeOf(() => decodeCorrelated(encodeBody(value)))).to.equal('MACULA_PROTOCOL_VIOLATION');
    });
  }
});

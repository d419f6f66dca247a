import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { cancelBody, readCancel } from '../../../src/lib/wire/correlation.js';
import { disconnectBody, readDisconnect } from '../../../src/lib/wire/disconnect.js';
import { errorBody, readError } from '../../../src/lib/wire/error-message.js';
import { admittedBody, challengeBody, connectBody, proofBody, readAdmitted, readChallenge, readConnect, readProof, type Connect } from '../../../src/lib/wire/hello.js';
import { decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';
import { peerExchangeBody, peerExchangeReplyBody, readPeerExchange, readPeerExchangeReply } from '../../../src/lib/wire/peer-exchange.js';
import { readStreamOpen, streamOpenBody } from '../../../src/lib/wire/stream-open.js';

const travel = (body: unknown): unknown => decodeBody(encodeBody(body));
const violation = (run: () => unknown, code = 'MACULA_PROTOCOL_VIOLATION'): void => {
  expect(run).to.throw(MaculaError).with.property('code', code);
};

const connect: Connect = {
  version: 1,
  realmId: Buffer.alloc(32, 1),
  nonce: Buffer.alloc(32, 2),
  agent: 'macula/0.9.0',
  capabilities: ['relay', 'dht'],
  listen: [{ host: '192.0.2.1', port: 4433 }, { host: '2001:db8::1', port: 4433 }],
  observed: { host: '198.51.100.7', port: 50_000 },
  pathSecret: Buffer.alloc(32, 3),
};
const connectMap = connectBody(connect) as Record<string, unknown>;
const { version: _version, realmId: _realmId, nonce: _nonce, ...side } = connect;

describe('HELLO messages', () => {
  it('carry every field there and back', () => {
    expect(readConnect(travel(connectBody(connect)))).to.deep.equal(connect);
    expect(readConnect(travel(connectBody({ ...connect, observed: undefined, listen: [] })))).to.deep.equal({ ...connect, observed: undefined, listen: [] });
    expect(readConnect(travel(connectBody({ ...connect, timeMs: 1_767_225_600_000.4 })))).to.deep.equal({ ...connect, timeMs: 1_767_225_600_000 });
    for (const proof of [undefined, Buffer.alloc(32, 9)]) {
      expect(readAdmitted(travel(admittedBody({ ...side, proof })))).to.deep.equal({ ...side, proof });
    }
    expect(readChallenge(travel(challengeBody(Buffer.alloc(32, 4))))).to.deep.equal(Buffer.alloc(32, 4));
    expect(readProof(travel(proofBody(Buffer.alloc(32, 5))))).to.deep.equal(Buffer.alloc(32, 5));
  });

  it('ignore keys they do not know, so that later versions can add some', () => {
    expect(readConnect(travel({ ...connectMap, later: [1] }))).to.deep.equal(connect);
  });

  it('report another version before judging any other field', () => {
    violation(() => readConnect({ version: 2 }), 'MACULA_VERSION_MISMATCH');
  });

  it('cut what is too long instead of sending what the peer must refuse', () => {
    const many = { ...connect, agent: 'é'.repeat(200), listen: Array.from({ length: 40 }, (_, index) => ({ host: '192.0.2.1', port: index + 1 })) };
    const read = readConnect(travel(connectBody(many)));
    expect(read.agent).to.equal('é'.repeat(64));
    expect(read.listen).to.have.length(16);
  });

  const bad: [field: string, values: unknown[]][] = [
    ['version', [undefined, null, '1', 1.5, -1]],
    ['realm', [undefined, null, '', Buffer.alloc(31), Buffer.alloc(33), 'x'.repeat(32), []]],
    ['nonce', [undefined, Buffer.alloc(0), Buffer.alloc(31)]],
    ['pathSecret', [undefined, null, Buffer.alloc(16)]],
    ['agent', [undefined, null, 5, 'x'.repeat(129), 'é'.repeat(65), ['macula']]],
    ['capabilities', [undefined, 'relay', {}, [5], [''], ['x'.repeat(65)], Array(33).fill('a')]],
    ['listen', [undefined, null, 'x', [null], ['host:1'], ['192.0.2.1'], ['192.0.2.1:0'], ['192.0.2.1:65536'], ['x'.repeat(4000)], Array(17).fill('192.0.2.1:1')]],
    ['time', [-1, 1.5, '2026', Number.NaN, 2 ** 60]],
    ['observed', [5, '', 'nonsense', ['192.0.2.1:1'], '192.0.2.1:99999']],
  ];
  for (const [field, values] of bad) {
    it(`refuse a bad ${field}`, () => {
      for (const value of values) violation(() => readConnect({ ...connectMap, [field]: value }));
    });
  }

  it('refuse bodies that are no maps', () => {
    for (const body of [undefined, null, 1, 'x', [], [1], Buffer.alloc(3)]) {
      for (const read of [readConnect, readAdmitted, readChallenge, readProof]) violation(() => read(body));
    }
  });

  it('refuse proofs and nonces of another length', () => {
    for (const length of [0, 31, 33]) {
      violation(() => readProof({ proof: Buffer.alloc(length) }));
      violation(() => readChallenge({ nonce: Buffer.alloc(length) }));
      violation(() => readAdmitted({ ...connectMap, proof: Buffer.alloc(length) }));
    }
  });

  it('read any mutation as a message or an error of ours (seed 23)', () => {
    const random = seededRandom(23);
    const good = encodeBody(connectBody(connect));
    for (let round = 0; round < 20_000; round += 1) {
      const bytes = Buffer.from(good);
      for (let count = random.integer(3); count >= 0; count -= 1) bytes[random.integer(bytes.length)] = random.integer(256);
      try {
        const read = readConnect(decodeBody(bytes));
        expect(read.listen.length).to.be.at.most(16);
      } catch (error) {
        expect(error).to.be.instanceOf(MaculaError).with.property('code').that.is.oneOf(['MACULA_PROTOCOL_VIOLATION', 'MACULA_VERSION_MISMATCH']);
      }
    }
  });
});

describe('ERROR', () => {
  it('carries code, text and details', () => {
    const error = new MaculaError('MACULA_OVERLOADED', 'too many calls', { details: { limit: 1000 } });
    expect(readError(travel(errorBody(error)))).to.deep.equal({ code: 'MACULA_OVERLOADED', message: 'too many calls', details: { limit: 1000 } });
  });

  it('can be sent for every error, whatever is in it', () => {
    for (const details of [{ when: new Date() }, { big: 'x'.repeat(5000) }, { f: Symbol('x') }]) {
      const error = new MaculaError('MACULA_UNEXPECTED', `\ud800${'é'.repeat(2000)}`, { details });
      const read = readError(travel(errorBody(error)));
      expect(read.details).to.deep.equal({});
      expect(read.message).to.match(/^\ufffdé+$/);
      expect(Buffer.byteLength(read.message)).to.be.within(1020, 1024);
    }
  });

  it('keeps a code this version does not know', () => {
    expect(readError(['MACULA_FROM_THE_FUTURE', '', {}]).code).to.equal('MACULA_FROM_THE_FUTURE');
  });

  for (const body of [null, [], ['A', 'b'], ['a', '', {}], ['A B', '', {}], ['', '', {}], ['A'.repeat(65), '', {}], [1, '', {}], ['A', 'x'.repeat(1025), {}], ['A', '', null], ['A', '', []], ['A', '', {}, 1]]) {
    it(`refuses ${JSON.stringify(body).slice(0, 40)}`, () => violation(() => readError(body)));
  }
});

describe('DISCONNECT, CANCEL and STREAM_OPEN', () => {
  it('carry their fields', () => {
    expect(readDisconnect(travel(disconnectBody(11, 'shutting down')))).to.deep.equal({ code: 11, reason: 'shutting down' });
    expect(readDisconnect(travel(disconnectBody(0, 'x'.repeat(300)))).reason).to.have.length(256);
    expect(readCancel(travel(cancelBody(0xffff_ffff)))).to.equal(0xffff_ffff);
    expect(readStreamOpen(travel(streamOpenBody('rpc', { name: 'x' })))).to.deep.equal({ purpose: 'rpc', header: { name: 'x' } });
  });

  it('refuse malformed bodies', () => {
    for (const body of [null, [], [0], ['0', ''], [-1, ''], [0, 'x'.repeat(257)], [0, '', 0], {}]) violation(() => readDisconnect(body));
    for (const body of [null, 5, [], ['5'], [-1], [1, 2], [2 ** 32]]) violation(() => readCancel(body));
    for (const body of [null, [], ['p'], ['', 1], ['x'.repeat(65), 1], [5, 1], ['p', 1, 2]]) violation(() => readStreamOpen(body));
  });
});

describe('PEER_EXCHANGE', () => {
  const peer = fc.record({
    nodeId: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    addresses: fc.array(fc.record({ host: fc.ipV4(), port: fc.integer({ min: 1, max: 65_535 }) }), { maxLength: 8 }),
    ageSeconds: fc.nat(0xffff_ffff),
  });

  it('carries any list of peers there and back', () => {
    fc.assert(fc.property(fc.array(peer, { maxLength: 64 }), (peers) => {
      expect(readPeerExchangeReply(travel(peerExchangeReplyBody(peers)))).to.deep.equal(peers);
    }), { numRuns: 50 });
    expect(readPeerExchange(travel(peerExchangeBody(64)))).to.equal(64);
  });

  it('leaves out what is beyond the limits when sending', () => {
    const one = { nodeId: 'ab'.repeat(32), addresses: Array.from({ length: 9 }, () => ({ host: '192.0.2.1', port: 1 })), ageSeconds: 0 };
    const read = readPeerExchangeReply(travel(peerExchangeReplyBody(Array.from({ length: 65 }, () => one))));
    expect(read).to.have.length(64);
    expect(read[0]!.addresses).to.have.length(8);
  });

  it('refuses malformed bodies', () => {
    const id = Buffer.alloc(32);
    for (const body of [null, [], [0], [65], [1.5], ['1'], [1, 1]]) violation(() => readPeerExchange(body));
    for (const entry of [null, [], [id, []], [id.subarray(1), [], 0], [id.toString('hex'), [], 0], [id, {}, 0], [id, ['x'], 0], [id, Array(9).fill('192.0.2.1:1'), 0], [id, [], -1], [id, [], 0.5], [id, [], 0, 0]]) {
      violation(() => readPeerExchangeReply([entry]));
    }
    violation(() => readPeerExchangeReply(Array(65).fill([id, [], 0])));
    violation(() => readPeerExchangeReply({}));
  });
});

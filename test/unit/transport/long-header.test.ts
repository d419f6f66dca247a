import { expect } from 'chai';
import fc from 'fast-check';
import { LongType, parseLongHeader } from '../../../src/lib/transport/long-header.js';

interface Parts {
  version: number;
  destinationId: Uint8Array;
  sourceId: Uint8Array;
  token: Uint8Array;
}

function initial({ version, destinationId, sourceId, token }: Parts): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(0x4000 | token.length);
  const versionBytes = Buffer.alloc(4);
  versionBytes.writeUInt32BE(version);
  return Buffer.concat([Buffer.from([0xc0]), versionBytes, Buffer.from([destinationId.length]), destinationId, Buffer.from([sourceId.length]), sourceId, length, token, Buffer.alloc(20)]);
}

const id = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });

describe('parseLongHeader', () => {
  it('reads the ids and the token of every Initial of version 1', () => {
    fc.assert(
      fc.property(id(20), id(20), fc.uint8Array({ maxLength: 300 }), (destinationId, sourceId, token) => {
        const header = parseLongHeader(initial({ version: 1, destinationId, sourceId, token }))!;
        expect(header).to.include({ version: 1, type: LongType.initial });
        expect([...header.destinationId]).to.deep.equal([...destinationId]);
        expect([...header.sourceId]).to.deep.equal([...sourceId]);
        expect([...header.token!]).to.deep.equal([...token]);
      }),
    );
  });

  it('reads ids of any length in unknown versions, and no token', () => {
    const header = parseLongHeader(initial({ version: 0x1a2a3a4a, destinationId: new Uint8Array(255), sourceId: new Uint8Array(30), token: new Uint8Array(5) }));
    expect(header).to.include({ version: 0x1a2a3a4a, token: undefined });
    expect(header!.destinationId).to.have.length(255);
  });

  it('refuses ids of version 1 that are longer than 20 bytes', () => {
    for (const [long, short] of [[21, 8], [8, 21]]) {
      expect(parseLongHeader(initial({ version: 1, destinationId: new Uint8Array(long!), sourceId: new Uint8Array(short!), token: new Uint8Array() }))).to.equal(undefined);
    }
  });

  it('refuses a token that is longer than the packet', () => {
    const packet = initial({ version: 1, destinationId: new Uint8Array(8), sourceId: new Uint8Array(8), token: new Uint8Array(100) });
    expect(parseLongHeader(packet.subarray(0, 60))).to.equal(undefined);
  });

  it('never throws, and never reads beyond the packet', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const header = parseLongHeader(Buffer.from(bytes));
        if (header) expect(header.destinationId.length + header.sourceId.length).to.be.below(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });
});

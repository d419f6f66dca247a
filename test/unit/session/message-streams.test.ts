import { expect } from 'chai';
import type { FrameStream } from '../../../src/lib/session/frame-stream.js';
import { MessageStreams } from '../../../src/lib/session/message-streams.js';

/** A stream that keeps what is written until it is flushed. */
class Kept {
  bufferedBytes = 0;
  readonly writes: number[] = [];

  write(data: Uint8Array): boolean {
    this.writes.push(data.length);
    this.bufferedBytes += data.length;
    return true;
  }
}

function streamsOf(count: number, packetBytes = 1200): { streams: MessageStreams; kept: Kept[]; framed: FrameStream[] } {
  const streams = new MessageStreams(packetBytes);
  const kept = Array.from({ length: count }, () => new Kept());
  const framed = kept.map((stream) => ({ stream, carriesMessages: false }) as unknown as FrameStream);
  for (const one of framed) streams.add(one);
  return { streams, kept, framed };
}

describe('message streams', () => {
  it('take messages in runs of about a packet', () => {
    const { streams, kept } = streamsOf(4);
    for (let count = 0; count < 48; count++) streams.write(new Uint8Array(100));
    expect(kept.map(({ writes }) => writes.length)).to.deep.equal([12, 12, 12, 12]);
  });

  it('take longer runs where packets are larger', () => {
    const { streams, kept } = streamsOf(4, 16_384);
    for (let count = 0; count < 164; count++) streams.write(new Uint8Array(100));
    expect(kept.filter(({ writes }) => writes.length > 0)).to.have.length(1);
    streams.write(new Uint8Array(100));
    expect(kept.filter(({ writes }) => writes.length > 0)).to.have.length(2);
  });

  it('take turns when nothing waits anywhere', () => {
    const { streams, kept } = streamsOf(3);
    for (let count = 0; count < 6; count++) {
      streams.write(new Uint8Array(10));
      for (const one of kept) one.bufferedBytes = 0;
    }
    expect(kept.map(({ writes }) => writes.length)).to.deep.equal([2, 2, 2]);
  });

  it('keep small messages off a stream where a large one waits', () => {
    const { streams, kept } = streamsOf(4);
    streams.write(new Uint8Array(1_000_000));
    const loaded = kept.findIndex(({ writes }) => writes.length > 0);
    for (let count = 0; count < 1000; count++) streams.write(new Uint8Array(100));
    expect(kept[loaded]!.writes).to.deep.equal([1_000_000]);
    expect(kept.reduce((sum, { writes }) => sum + writes.length, 0)).to.equal(1001);
  });

  it('go on with those that are left', () => {
    const { streams, kept, framed } = streamsOf(2);
    streams.write(new Uint8Array(1));
    streams.remove(framed[1]!);
    streams.write(new Uint8Array(1));
    streams.write(new Uint8Array(1));
    expect(kept[0]!.writes).to.have.length(2);
    streams.remove(framed[0]!);
    expect(streams.write(new Uint8Array(1))).to.equal(true);
  });
});

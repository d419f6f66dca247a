import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import type { Connection, StreamHandler, TransportStream } from '../../../src/lib/transport/endpoint.js';
import { systemClock } from '../../../src/lib/base/clock.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { EndpointFixture, Recorder, echo, type FixtureOptions } from './endpoint-fixture.js';

/** The next stream the peer opens on a connection, with what is recorded of it. */
function nextStream(connection: Connection): Promise<{ stream: TransportStream; recorder: Recorder }> {
  return new Promise((resolve) =>
    connection.onStream((stream) => {
      const recorder = new Recorder();
      resolve({ stream, recorder });
      return recorder;
    }),
  );
}

describe('streams of a connection', () => {
  const fixture = new EndpointFixture();
  afterEach(() => fixture.close());

  async function admittedPair(options: FixtureOptions = {}, accept?: (connection: Connection) => void) {
    const pair = await fixture.pair(options, options, accept);
    pair.client.admit();
    pair.server.admit();
    return pair;
  }

  it('carry 64 requests at once, each its own answer', async () => {
    const { client } = await admittedPair({}, (connection) => connection.onStream(echo));
    const answers = Array.from({ length: 64 }, async (_, index) => {
      const recorder = new Recorder();
      const stream = client.openStream(recorder);
      stream.write(Buffer.from(`request ${index}`));
      stream.end();
      return (await recorder.ended).toString();
    });
    expect(await Promise.all(answers)).to.deep.equal(Array.from({ length: 64 }, (_, index) => `request ${index}`));
  });

  for (const { what, udpPayloadBytes, least, most } of [
    { what: 'the smallest datagrams', udpPayloadBytes: 1200, least: 500, most: 1200 },
    { what: 'the large datagrams of loopback', udpPayloadBytes: 0, least: 4000, most: 16_384 },
  ]) {
    it(`carry 20 MB unchanged in ${what}`, async () => {
      const { client, dialler } = await admittedPair({ settings: { udpPayloadBytes } }, (connection) => connection.onStream(echo));
      const [sent, received] = [createHash('sha256'), createHash('sha256')];
      const piece = randomBytes(100_000);
      let left = 200;
      let bytes = 0;
      await new Promise<void>((resolve) => {
        const handler: StreamHandler = {
          onData: (chunk) => {
            bytes += chunk.length;
            received.update(chunk);
          },
          onEnd: resolve,
          onReset: () => undefined,
          onStopped: () => undefined,
          onDrain: () => send(),
          onClose: () => undefined,
        };
        const stream = client.openStream(handler);
        const send = (): void => {
          while (left > 0) {
            left -= 1;
            piece.writeUInt32BE(left);
            sent.update(piece);
            if (!stream.write(Buffer.from(piece))) break;
          }
          if (left === 0) stream.end();
        };
        send();
      });
      expect(bytes).to.equal(20_000_000);
      expect(received.digest('hex')).to.equal(sent.digest('hex'));
      const { bytesSent, datagramsSent } = dialler.stats();
      expect(bytesSent / datagramsSent).to.be.within(least, most);
    });
  }

  it('hold the writer back while the reader is paused', async () => {
    const { client, server } = await admittedPair({ settings: { streamWindowBytes: 65_536 } });
    const incoming = nextStream(server);
    const writing = new Recorder();
    const stream = client.openStream(writing);
    const total = 4_000_000;
    expect(stream.write(Buffer.alloc(total, 1))).to.equal(false);
    const { stream: reader, recorder: reading } = await incoming;
    await reading.until(() => reading.bytes.length > 0);
    reader.pause();
    // A message on another stream goes there and back while the first one stands still.
    const other = nextStream(client);
    server.openStream(new Recorder()).write(Buffer.from('still here'));
    await (await other).recorder.until(() => true);
    const seen = reading.bytes.length;
    expect(stream.bufferedBytes).to.be.greaterThan(total - 65_536 * 8);
    reader.resume();
    await reading.until(() => reading.bytes.length === total);
    expect(seen).to.be.lessThan(65_536 * 8);
    expect(writing.events).to.deep.equal(['drain']);
    expect(stream.bufferedBytes).to.equal(0);
  });

  it('may wait unread, or be refused with much under way, without costing the connection', async () => {
    let inspect = (): void => undefined;
    const setTimer = (delayMs: number, callback: () => void) => {
      if (delayMs !== 1000) return systemClock.setTimer(delayMs, callback);
      inspect = callback;
      return { cancel: () => undefined };
    };
    const { client, server } = await fixture.pair({}, { settings: { overheadBaseBytes: 16_384 }, clock: { ...systemClock, setTimer } });
    client.admit();
    server.admit();
    const unread: TransportStream[] = [];
    server.onStream((stream) => {
      if (stream.id >= 16) return echo(stream);
      unread.push(stream);
      stream.pause();
      return new Recorder();
    });
    for (let count = 0; count < 4; count += 1) client.openStream(new Recorder()).write(Buffer.alloc(2_000_000));
    const answers = new Recorder();
    const other = client.openStream(answers);
    const inspectWithNewBytes = async (times: number): Promise<void> => {
      for (let round = 0; round < times; round += 1) {
        const bytes = answers.bytes.length + 10;
        other.write(Buffer.alloc(10));
        await answers.until(() => answers.bytes.length === bytes);
        inspect();
      }
    };
    await inspectWithNewBytes(10);
    expect(server.stats().bytesReceived - server.stats().streamBytesDelivered).to.be.greaterThan(1_000_000);
    for (const stream of unread) stream.stopSending(1);
    await inspectWithNewBytes(10);
    expect(unread).to.have.length(4);
    expect(server.isClosed).to.equal(false);
  });

  it('stay open one way after the other way has ended', async () => {
    const { client, server } = await admittedPair();
    const incoming = nextStream(server);
    const recorder = new Recorder();
    const stream = client.openStream(recorder);
    stream.end();
    const { stream: back, recorder: there } = await incoming;
    await there.ended;
    back.write(Buffer.from('one'));
    await recorder.until(() => recorder.bytes.toString() === 'one');
    back.write(Buffer.from(' two'));
    back.end();
    expect((await recorder.ended).toString()).to.equal('one two');
    await Promise.all([recorder.closed, there.closed]);
  });

  it('tell the peer the code of a reset', async () => {
    const { client, server } = await admittedPair();
    const incoming = nextStream(server);
    const stream = client.openStream(new Recorder());
    stream.write(Buffer.from('x'));
    const { stream: back, recorder } = await incoming;
    await recorder.until(() => recorder.bytes.length === 1);
    stream.reset(77);
    await recorder.until(() => recorder.events.length > 0);
    expect(recorder.events).to.deep.equal(['reset 77']);
    back.end();
    await recorder.closed;
  });

  it('tell the peer the code of a refusal, even when it is writing nothing', async () => {
    const { client, server } = await admittedPair();
    const incoming = nextStream(server);
    const recorder = new Recorder();
    const stream = client.openStream(recorder);
    stream.write(Buffer.from('x'));
    const { stream: back } = await incoming;
    back.stopSending(78);
    await recorder.until(() => recorder.events.length > 0);
    expect(recorder.events).to.deep.equal(['stopped 78']);
    expect(stream.write(Buffer.from('dropped'))).to.equal(true);
    expect(stream.bufferedBytes).to.equal(0);
    back.end();
    await recorder.closed;
  });

  it('deliver the answer of a peer that refuses the rest of the request', async () => {
    const { client, server } = await admittedPair();
    const incoming = nextStream(server);
    const recorder = new Recorder();
    const stream = client.openStream(recorder);
    stream.write(Buffer.alloc(3_000_000));
    const { stream: back, recorder: there } = await incoming;
    back.write(Buffer.from('enough'));
    back.end();
    back.stopSending(1);
    expect((await recorder.ended).toString()).to.equal('enough');
    await Promise.all([recorder.closed, there.closed]);
    expect(recorder.events).to.include('stopped 1');
  });

  it('are refused beyond the limit of the peer, and allowed again when others have ended', async () => {
    const { client } = await admittedPair({ settings: { maxStreams: 8 } }, (connection) => connection.onStream(echo));
    const recorders = Array.from({ length: 8 }, () => new Recorder());
    const streams = recorders.map((recorder) => client.openStream(recorder));
    expect(() => client.openStream(new Recorder())).to.throw(MaculaError).with.property('code', 'MACULA_OVERLOADED');
    for (const stream of streams) {
      stream.write(Buffer.from('x'));
      stream.end();
    }
    await Promise.all(recorders.map((recorder) => recorder.closed));
    await opensAgain(client);
  });

  /** Streams come back with an acknowledgement after the last byte: tries with each answer on an open stream. */
  async function opensAgain(client: Connection): Promise<void> {
    for (;;) {
      try {
        client.openStream(new Recorder()).end();
        return;
      } catch {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  type Ending = (ours: TransportStream, theirs: TransportStream) => void | Promise<void>;
  const endings: Record<string, Ending> = {
    'both sides end': (ours, theirs) => (ours.end(), theirs.end()),
    'the opener aborts both ways': (ours) => (ours.reset(1), ours.stopSending(1)),
    'the opener ends and refuses the answer': (ours) => (ours.end(), ours.stopSending(1)),
    'the other side aborts both ways': (_ours, theirs) => (theirs.reset(1), theirs.stopSending(1)),
    'the other side answers and refuses the rest': (_ours, theirs) => (theirs.write(Buffer.from('no')), theirs.end(), theirs.stopSending(1)),
  };
  for (const [name, ending] of Object.entries(endings)) {
    it(`are freed on both sides when ${name}`, async () => {
      const { client, server } = await admittedPair({ settings: { maxStreams: 8 } });
      const opened: (() => void)[] = [];
      server.onStream((theirs) => {
        const recorder = new Recorder();
        Object.assign(recorder, { onReset: () => theirs.end(), onStopped: () => undefined, onEnd: () => theirs.end() });
        opened.shift()?.call(undefined);
        server_ = theirs;
        return recorder;
      });
      let server_!: TransportStream;
      for (let count = 0; count < 40; count += 1) {
        const recorder = new Recorder();
        const there = new Promise<void>((resolve) => opened.push(resolve));
        let ours: TransportStream | undefined;
        while (!ours) {
          try {
            ours = client.openStream(recorder);
          } catch {
            await new Promise((resolve) => setImmediate(resolve));
          }
        }
        const stream = ours;
        Object.assign(recorder, { onStopped: () => stream.end(), onEnd: () => stream.end(), onReset: () => stream.end() });
        ours.write(Buffer.from('x'));
        await there;
        await ending(ours, server_);
        await recorder.closed;
      }
    });
  }

  it('are told when the connection ends', async () => {
    const { client, server } = await admittedPair();
    const incoming = nextStream(server);
    const recorder = new Recorder();
    client.openStream(recorder).write(Buffer.from('x'));
    const there = await incoming;
    server.close(0, 'done');
    await Promise.all([recorder.closed, there.recorder.closed]);
    expect(recorder.events).to.deep.equal(['close']);
    expect(() => client.openStream(recorder)).to.throw(MaculaError).with.property('code', 'MACULA_CONNECTION_CLOSED');
  });

  it('that came before anybody took them are handed over later', async () => {
    const { client, server } = await admittedPair();
    const recorder = new Recorder();
    const stream = client.openStream(recorder);
    stream.write(Buffer.from('early'));
    const marker = nextStream(client);
    server.openStream(new Recorder()).write(Buffer.from('now'));
    await marker;
    server.onStream(echo);
    await recorder.until(() => recorder.bytes.toString() === 'early');
  });
});

import { expect } from 'chai';
import { systemClock } from '../../../src/lib/base/clock.js';
import { EndpointFixture, Recorder } from './endpoint-fixture.js';

describe('limits on what is sent', () => {
  const fixture = new EndpointFixture();
  afterEach(() => fixture.close());

  const bytesPerSecond = 1024 * 1024;
  const largestDatagram = 16_384;

  for (const setting of ['egressPerPeerBytes', 'egressBytes'] as const) {
    it(`a sender keeps to ${setting} and loses nothing`, async () => {
      const startMs = systemClock.nowMs();
      const recorder = new Recorder();
      const { client, server, dialler } = await fixture.pair({ settings: { [setting]: bytesPerSecond } }, {}, (connection) => connection.onStream(() => recorder));
      client.admit();
      server.admit();
      const stream = client.openStream(new Recorder());
      stream.write(Buffer.alloc(400_000, 7));
      stream.end();
      const received = await recorder.ended;
      expect(received.equals(Buffer.alloc(400_000, 7))).to.equal(true);
      const seconds = (systemClock.nowMs() - startMs) / 1000;
      const allowed = bytesPerSecond * (0.1 + seconds) + largestDatagram;
      expect(dialler.stats().bytesSent).to.be.within(400_000, allowed);
    });
  }
});

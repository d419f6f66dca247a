import { expect } from 'chai';
import type { StreamHandler, TransportStream } from '../../../src/lib/transport/endpoint.js';
import { SessionNetwork } from '../../support/session-nodes.js';
import { settle } from '../../support/virtual-clock.js';

function collector(): StreamHandler & { text: string; calls: string[] } {
  return {
    text: '',
    calls: [],
    onData(chunk) {
      this.text += Buffer.from(chunk).toString();
    },
    onEnd() {
      this.calls.push('end');
    },
    onReset(code) {
      this.calls.push(`reset ${code}`);
    },
    onStopped(code) {
      this.calls.push(`stopped ${code}`);
    },
    onDrain: () => undefined,
    onClose: () => undefined,
  };
}

describe('session streams', () => {
  it('hands a stream to the handler of its purpose, with header and what follows', async () => {
    const network = new SessionNetwork({ latencyMs: 1 });
    const { b, ab } = await network.pair();
    const far = collector();
    let header: unknown;
    let accepted: TransportStream | undefined;
    b.sessions.handleStream('echo', (given, stream) => {
      header = given;
      accepted = stream;
      return far;
    });
    const near = collector();
    const stream = ab.openStream('echo', { size: 5 }, near);
    stream.write(Buffer.from('hello'));
    stream.end();
    await network.clock.advanceAsync(10);
    expect([header, far.text, far.calls]).to.deep.equal([{ size: 5 }, 'hello', ['end']]);
    accepted!.write(Buffer.from('back'));
    accepted!.end();
    await network.clock.advanceAsync(10);
    expect([near.text, near.calls]).to.deep.equal(['back', ['end']]);
  });

  it('refuses a purpose nobody takes and keeps the session', async () => {
    const network = new SessionNetwork();
    const { ab, ba } = await network.pair();
    for (const session of [ab, ba]) {
      const near = collector();
      session.openStream('unknown', null, near).write(Buffer.from('x'));
      await settle();
      expect(near.calls).to.have.members(['stopped 1', 'reset 1']);
      expect(session.isClosed).to.equal(false);
    }
  });

  it('counts a stream among the requests of its peer, and refuses one too many as overloaded', async () => {
    const network = new SessionNetwork();
    const { b, ab } = await network.pair({ maxRequestsPerPeer: 1 });
    let accepted: TransportStream | undefined;
    b.sessions.handleStream('echo', (_header, stream) => {
      accepted = stream;
      return collector();
    });
    const [first, second, third] = [collector(), collector(), collector()];
    ab.openStream('echo', null, first).end();
    await settle();
    ab.openStream('echo', null, second).end();
    await settle();
    expect([first.calls, second.calls]).to.deep.equal([[], ['reset 3']]);
    accepted!.end();
    accepted!.stopSending(0);
    await settle();
    ab.openStream('echo', null, third).end();
    await settle();
    expect(third.calls).to.deep.equal([]);
  });

  it('lets streams under way end before the node is gone', async () => {
    const network = new SessionNetwork();
    const { b, ab } = await network.pair();
    let accepted: TransportStream | undefined;
    b.sessions.handleStream('echo', (_header, stream) => {
      accepted = stream;
      return collector();
    });
    const near = collector();
    ab.openStream('echo', null, near).end();
    await settle();
    const stopping = b.sessions.stop();
    await network.clock.advanceAsync(100);
    accepted!.write(Buffer.from('the rest'));
    accepted!.end();
    await network.run(stopping);
    expect([near.text, near.calls]).to.deep.equal(['the rest', ['end']]);
  });
});

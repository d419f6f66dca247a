import { expect } from 'chai';
import type { Connection, StreamHandler, TransportStream } from '../../../src/lib/transport/endpoint.js';
import { MemoryNetwork, type MemoryEndpoint } from '../../support/memory-endpoint.js';
import { settle, VirtualClock } from '../../support/virtual-clock.js';

interface Recorder extends StreamHandler {
  readonly bytes: number[];
  readonly calls: string[];
}

function recorder(): Recorder {
  const bytes: number[] = [];
  const calls: string[] = [];
  return {
    bytes,
    calls,
    onData: (chunk) => void bytes.push(...chunk),
    onEnd: () => void calls.push('end'),
    onReset: (code) => void calls.push(`reset ${code}`),
    onStopped: (code) => void calls.push(`stopped ${code}`),
    onDrain: () => void calls.push('drain'),
    onClose: () => void calls.push('close'),
  };
}

async function pair(options: { latencyMs?: number } = {}): Promise<{ clock: VirtualClock; network: MemoryNetwork; a: MemoryEndpoint; b: MemoryEndpoint; client: Connection; server: Connection }> {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock }, options);
  const a = network.endpoint('aa'.repeat(32));
  const b = network.endpoint('bb'.repeat(32));
  await Promise.all([a.start(), b.start()]);
  let server: Connection | undefined;
  b.onConnection((connection) => (server = connection));
  let client: Connection | undefined;
  void a.dial(b.route).then((connection) => (client = connection));
  await clock.advanceUntil(() => server !== undefined && client !== undefined);
  return { clock, network, a, b, client: client!, server: server! };
}

describe('memory endpoint', () => {
  it('carries bytes both ways and closes a stream when both sides ended', async () => {
    const { client, server } = await pair();
    const [near, far] = [recorder(), recorder()];
    let accepted: TransportStream | undefined;
    server.onStream((stream) => ((accepted = stream), far));
    const stream = client.openStream(near);
    stream.write(Uint8Array.of(1, 2, 3));
    stream.end();
    await settle();
    expect([accepted!.id, far.bytes, far.calls]).to.deep.equal([0, [1, 2, 3], ['end']]);
    accepted!.write(Uint8Array.of(4));
    accepted!.end();
    await settle();
    expect([near.bytes, near.calls, far.calls]).to.deep.equal([[4], ['end', 'close'], ['end', 'close']]);
  });

  it('stops a writer whose reader paused, and drains when it resumes', async () => {
    const { client, server } = await pair();
    const [near, far] = [recorder(), recorder()];
    let accepted: TransportStream | undefined;
    server.onStream((stream) => ((accepted = stream).pause(), far));
    const stream = client.openStream(near);
    expect(stream.write(new Uint8Array(2 * 1024 * 1024))).to.equal(false);
    await settle();
    expect(stream.bufferedBytes).to.equal(1024 * 1024);
    accepted!.resume();
    await settle(50);
    expect([stream.bufferedBytes, near.calls, far.bytes.length]).to.deep.equal([0, ['drain'], 2 * 1024 * 1024]);
  });

  it('tells the other side of resets and refusals', async () => {
    const { client, server } = await pair();
    const [near, far] = [recorder(), recorder()];
    let accepted: TransportStream | undefined;
    server.onStream((stream) => ((accepted = stream), far));
    const stream = client.openStream(near);
    stream.write(Uint8Array.of(1));
    await settle();
    accepted!.stopSending(7);
    await settle();
    accepted!.reset(8);
    await settle();
    expect(near.calls).to.deep.equal(['stopped 7', 'reset 8', 'close']);
  });

  it('delivers after the latency and in order', async () => {
    const { clock, client, server } = await pair({ latencyMs: 20 });
    const far = recorder();
    server.onStream(() => far);
    const stream = client.openStream(recorder());
    stream.write(Uint8Array.of(1));
    stream.write(Uint8Array.of(2));
    await clock.advanceAsync(19);
    expect(far.bytes).to.deep.equal([]);
    await clock.advanceAsync(2);
    expect(far.bytes).to.deep.equal([1, 2]);
  });

  it('holds what is sent over a cut link and delivers it after healing', async () => {
    const { clock, network, a, b, client, server } = await pair();
    const far = recorder();
    server.onStream(() => far);
    network.cut(a.address, b.address);
    client.openStream(recorder()).write(Uint8Array.of(1));
    await clock.advanceAsync(5000);
    expect(far.bytes).to.deep.equal([]);
    network.heal(a.address, b.address);
    await settle();
    expect(far.bytes).to.deep.equal([1]);
  });

  it('ends connections by timeout when nothing is heard any more', async () => {
    const { clock, b, client } = await pair();
    b.crash();
    await clock.advanceAsync(44_000);
    expect(client.isClosed).to.equal(false);
    await clock.advanceAsync(2000);
    expect((await client.closed).by).to.equal('timeout');
  });

  it('carries code and reason of a close', async () => {
    const { client, server } = await pair({ latencyMs: 0 });
    client.close(4, 'wrong realm');
    expect(await server.closed).to.deep.equal({ by: 'remote', code: 4, reason: 'wrong realm' });
    expect(await client.closed).to.deep.equal({ by: 'local', code: 4, reason: 'wrong realm' });
  });
});

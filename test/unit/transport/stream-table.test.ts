import { expect } from 'chai';
import type { StreamHandler } from '../../../src/lib/transport/endpoint.js';
import type { QuicheConnection } from '../../../src/lib/transport/quiche-binding.js';
import { StreamTable } from '../../../src/lib/transport/stream-table.js';

/** The native calls streams make, with flow control and the peer's doings set by the test. */
class FakeNative {
  readonly calls: string[] = [];
  /** Bytes it still takes. */
  credit = Infinity;
  /** Streams whose peer has ended. */
  readonly finished = new Set<number>();
  /** Streams the peer refused, with its code. */
  readonly stopped = new Map<number, number>();
  readonly incoming = new Map<number, Buffer>();

  streamPriority(): void {
    return;
  }

  isReadable(): boolean {
    return this.incoming.size > 0;
  }

  readable(): Iterable<number> {
    return [...this.incoming.keys()];
  }

  streamReadable(id: number): boolean {
    return this.incoming.has(id);
  }

  streamRecv(id: number, out: Uint8Array): [number, boolean] | null {
    const bytes = this.incoming.get(id);
    if (!bytes) return null;
    this.incoming.delete(id);
    out.set(bytes);
    return [bytes.length, this.finished.has(id)];
  }

  streamSend(id: number, data: Uint8Array, fin: boolean): number | null {
    this.#throwIfStopped(id);
    const taken = Math.min(data.length, this.credit);
    if (taken === 0 && data.length > 0) return null;
    this.credit -= taken;
    this.calls.push(`send ${id} ${taken}${fin && taken === data.length ? ' fin' : ''}`);
    return taken;
  }

  streamShutdown(id: number, direction: number, code: number): void {
    this.calls.push(`${direction === 0 ? 'stop' : 'reset'} ${id} ${code}`);
  }

  streamCapacity(id: number): number {
    this.#throwIfStopped(id);
    return 1000;
  }

  streamFinished(id: number): boolean {
    return this.finished.has(id);
  }

  #throwIfStopped(id: number): void {
    const code = this.stopped.get(id);
    if (code !== undefined) throw new Error(`StreamStopped(${code})`);
  }
}

function recorder(): StreamHandler & { events: string[] } {
  const events: string[] = [];
  return {
    events,
    onData: (chunk) => events.push(`data ${chunk.length}`),
    onEnd: () => events.push('end'),
    onReset: (code) => events.push(`reset ${code}`),
    onStopped: (code) => events.push(`stopped ${code}`),
    onDrain: () => events.push('drain'),
    onClose: () => events.push('close'),
  };
}

describe('the streams of a connection', () => {
  let native: FakeNative;
  let table: StreamTable;
  let turns: boolean[];

  beforeEach(() => {
    native = new FakeNative();
    turns = [];
    table = new StreamTable(native as unknown as QuicheConnection, false, Buffer.alloc(65_536), (hasToRead) => turns.push(hasToRead));
  });

  it('hand over small writes in one call, with the end of the stream', () => {
    const stream = table.open(recorder());
    for (let count = 0; count < 10; count += 1) stream.write(new Uint8Array(10));
    stream.end();
    table.flush();
    expect(native.calls).to.deep.equal(['send 0 100 fin']);
  });

  for (const count of [1, 16, 17, 40]) {
    it(`are all read in one turn, known and new ones, when ${count} are known`, () => {
      const handlers = Array.from({ length: count }, recorder);
      for (const handler of handlers) {
        const stream = table.open(handler);
        native.incoming.set(stream.id, Buffer.alloc(5));
      }
      const fresh = recorder();
      table.onStream(() => fresh);
      native.incoming.set(1, Buffer.alloc(7));
      table.read();
      expect(handlers.map((handler) => handler.events)).to.deep.equal(handlers.map(() => ['data 5']));
      expect(fresh.events).to.deep.equal(['data 7']);
    });
  }

  it('wait for packets when flow control is closed, and ask for no turn until then', () => {
    const stream = table.open(recorder());
    native.credit = 30;
    stream.write(new Uint8Array(100));
    table.flush();
    turns.length = 0;
    table.flush();
    table.flush();
    expect(turns).to.deep.equal([]);
    expect(stream.bufferedBytes).to.equal(70);
    native.credit = Infinity;
    table.flush();
    expect(native.calls).to.deep.equal(['send 0 30', 'send 0 70']);
  });

  it('say when a full buffer has drained', () => {
    const handler = recorder();
    const stream = table.open(handler);
    native.credit = 0;
    expect(stream.write(new Uint8Array(400_000))).to.equal(true);
    expect(stream.write(new Uint8Array(400_000))).to.equal(false);
    native.credit = 600_000;
    table.flush();
    expect(handler.events).to.deep.equal([]);
    native.credit = 200_000;
    table.flush();
    expect(handler.events).to.deep.equal(['drain']);
  });

  it('hold back the end after a refusal until the peer has ended, so that the library can free the stream', () => {
    const handler = recorder();
    const stream = table.open(handler);
    stream.write(new Uint8Array(5));
    stream.end();
    stream.stopSending(9);
    table.flush();
    expect(native.calls).to.deep.equal(['stop 0 9', 'send 0 5']);
    native.finished.add(0);
    table.read();
    table.flush();
    expect(native.calls.slice(2)).to.deep.equal(['send 0 0 fin']);
    expect(handler.events).to.deep.equal(['close']);
  });

  it('send one more frame when the end was out before the refusal', () => {
    const handler = recorder();
    const stream = table.open(handler);
    stream.end();
    table.flush();
    stream.stopSending(9);
    native.finished.add(0);
    table.read();
    expect(native.calls).to.deep.equal(['send 0 0 fin', 'stop 0 9', 'reset 0 0']);
    expect(handler.events).to.deep.equal(['close']);
  });

  it('read and drop the rest when the refusal comes after a reset', () => {
    const handler = recorder();
    const stream = table.open(handler);
    stream.reset(3);
    table.flush();
    stream.stopSending(9);
    native.incoming.set(0, Buffer.alloc(50));
    table.read();
    native.incoming.set(0, Buffer.alloc(50));
    native.finished.add(0);
    table.read();
    expect(native.calls).to.deep.equal(['reset 0 3']);
    expect(handler.events).to.deep.equal(['close']);
  });

  it('drop what is queued when the peer refuses it, and say so once', () => {
    const handler = recorder();
    const stream = table.open(handler);
    native.stopped.set(0, 44);
    stream.write(new Uint8Array(5));
    table.flush();
    table.checkAll();
    expect(handler.events).to.deep.equal(['stopped 44']);
    expect(stream.bufferedBytes).to.equal(0);
  });

  it('are not read while they are paused, and asked for a turn when they go on', () => {
    const handler = recorder();
    const stream = table.open(handler);
    stream.pause();
    native.incoming.set(0, Buffer.alloc(50));
    table.read();
    expect(handler.events).to.deep.equal([]);
    turns.length = 0;
    stream.resume();
    expect(turns).to.deep.equal([true]);
    table.read();
    expect(handler.events).to.deep.equal(['data 50']);
  });

  it('are all told of the end of the connection, even when one handler throws', () => {
    const first = recorder();
    first.onClose = () => {
      throw new Error('a bug');
    };
    const second = recorder();
    table.open(first);
    table.open(second);
    expect(() => table.close()).to.throw('a bug');
    expect(second.events).to.deep.equal(['close']);
    expect(table.size).to.equal(0);
  });

  it('refuse codes that are no whole numbers of at least 0 before they reach the library', () => {
    const stream = table.open(recorder());
    for (const code of [-1, 1.5, NaN, 2 ** 60]) {
      expect(() => stream.reset(code)).to.throw(RangeError);
      expect(() => stream.stopSending(code)).to.throw(RangeError);
    }
    expect(native.calls).to.deep.equal([]);
  });
});

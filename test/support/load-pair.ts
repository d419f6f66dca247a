import { expect } from 'chai';
import { BenchChild } from '../bench/child-calls.js';
import type { LoadNodeOptions, LoadProgress, LoadServed } from './load-node.js';
import { holdFor } from './node-watch.js';

/** Steps of a test end by what they wait for; this is where they count as hanging. */
const hangsMs = 40_000;

export interface LoadSide {
  readonly child: BenchChild;
  readonly nodeId: string;
}

/** Two nodes with a program in each; the program of `a`, where no other is named, puts load on that of `b` (load-node.ts). */
export class LoadPair {
  readonly #children: BenchChild[] = [];
  a!: LoadSide;
  b!: LoadSide;

  /** Starts a node. @param netns network namespace to run it in */
  async side(netns: string, options: LoadNodeOptions): Promise<LoadSide> {
    const child = BenchChild.start('../support/load-node.ts', { netns });
    this.#children.push(child);
    return { child, nodeId: await child.call<string>('start', options) };
  }

  /** Connects. @returns the path packets take at first */
  connect(): Promise<'direct' | 'relay'> {
    return this.a.child.call('connect', this.b.nodeId);
  }

  /** Begins with the calls and the stream. */
  async begin(from = this.a): Promise<void> {
    await from.child.call('begin', this.#other(from).nodeId);
  }

  /** Begins with a stream of so many bytes, and nothing else. */
  async transfer(bytes: number, from = this.a): Promise<void> {
    await this.watch(this.#other(from));
    await from.child.call('transfer', { peer: this.#other(from).nodeId, bytes });
  }

  /** Lets {@link progress} of a side tell of the other, where it is not to send anything. */
  async watch(from = this.a): Promise<void> {
    await from.child.call('watch', this.#other(from).nodeId);
  }

  progress(from = this.a): Promise<LoadProgress> {
    return from.child.call('progress');
  }

  /** Looks at the load until it fits, and resolves with how long that took and what was seen then. */
  async until(what: string, fits: (progress: LoadProgress) => boolean, from = this.a): Promise<LoadProgress & { afterMs: number }> {
    const startMs = performance.now();
    for (;;) {
      const progress = await this.progress(from);
      const afterMs = performance.now() - startMs;
      if (fits(progress)) return { ...progress, afterMs };
      if (afterMs > hangsMs) throw new Error(`${what}: ${JSON.stringify(progress)}`);
      await holdFor(20);
    }
  }

  /** Ends the load, and asserts that each call was answered once, and that the stream came as it was sent. */
  async finish(from = this.a): Promise<LoadProgress> {
    const sent = await from.child.call<LoadProgress & { hash: string }>('finish');
    const served = await this.#other(from).child.call<LoadServed>('served');
    expect(sent.wrong).to.deep.equal([]);
    expect(sent.answered).to.equal(sent.sent);
    expect(served).to.deep.equal({ calls: sent.sent, repeated: 0, bytes: sent.streamBytes, hash: sent.hash });
    return sent;
  }

  async close(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.end()));
  }

  #other(side: LoadSide): LoadSide {
    return side === this.a ? this.b : this.a;
  }
}

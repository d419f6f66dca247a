import { LoadPair } from './load-pair.js';
import { NodeFarm } from './node-process.js';
import { outsideAddress, publicAddress, RoutedPair } from './routed-pair.js';

const firstPort = 20_000;

/** A load pair of which `a` is behind a NAT that gives it another port, and forgets the one before, whenever it is told to. */
export class RebindingPair extends LoadPair {
  readonly #net = new RoutedPair();
  readonly #farm = new NodeFarm();
  #port = firstPort;
  #connectedSeconds = [0, 0];

  /** How often the NAT changed ports. */
  get rebindings(): number {
    return this.#port - firstPort;
  }

  /** Where the outside sees `a` once it has noticed. */
  get address(): string {
    return `${publicAddress}:${this.#port}`;
  }

  /** Starts both and waits until they are connected: one bootstraps through the other. */
  async start(): Promise<void> {
    this.#net.mapTo(this.#port);
    const start = async (name: string, netns: string, bootstrap: string[]) => this.side(netns, { dataDir: await this.#farm.dataDir(name), port: 4433, bootstrap, untilNatKnown: false });
    this.b = await start('outside', this.#net.outside.netns, []);
    this.a = await start('inside', this.#net.inside.netns, [`https://${outsideAddress}:4433`]);
    for (const side of [this.a, this.b]) {
      await this.watch(side);
      await this.until('they find each other', ({ connectedSeconds }) => connectedSeconds > 0, side);
    }
  }

  rebind(): void {
    this.#port += 1;
    this.#net.mapTo(this.#port);
  }

  /** @throws Error where an end has another connection than when this was asked before: one made meanwhile is younger */
  async expectSameConnection(): Promise<void> {
    for (const [end, side] of [this.a, this.b].entries()) {
      const { connectedSeconds } = await this.progress(side);
      if (!(connectedSeconds > this.#connectedSeconds[end]!)) throw new Error(`the connection is ${connectedSeconds} s old, and was ${this.#connectedSeconds[end]!} s old before`);
      this.#connectedSeconds[end] = connectedSeconds;
    }
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#farm.close();
    this.#net.close();
  }
}

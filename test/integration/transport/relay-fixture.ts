import { randomBytes } from 'node:crypto';
import type { Connection, RelayRoute } from '../../../src/lib/transport/endpoint.js';
import type { QuicheEndpoint } from '../../../src/lib/transport/quiche-endpoint.js';
import { relayIdKey } from '../../../src/lib/transport/relay-transport.js';
import { EndpointFixture, newIdentity, nextConnection, routeTo, type FixtureOptions } from './endpoint-fixture.js';

/** Both ends of a relay's session, and the connections of the two nodes to the relay. */
export interface RelayedEnds {
  readonly sessionId: string;
  readonly left: RelayRoute;
  readonly right: RelayRoute;
}

/** A node's connection to the relay, and the relay's to it. */
interface Carrier {
  readonly own: Connection;
  readonly relays: Connection;
}

/** Two endpoints connected to a third, which passes on between them what belongs to sessions opened here. */
export class RelayedPair {
  readonly fixture = new EndpointFixture();
  /** Everything the relay was given to pass on. */
  readonly forwarded: Buffer[] = [];
  /** Changes, drops or multiplies what the relay passes on. */
  tamper: (datagram: Buffer) => readonly Buffer[] = (datagram) => [datagram];
  relay!: QuicheEndpoint;
  left!: QuicheEndpoint;
  right!: QuicheEndpoint;
  #leftId = '';
  #rightId = '';
  readonly #carriers: Carrier[] = [];
  readonly #sessions = new Set<string>();

  async start(options: FixtureOptions = {}): Promise<void> {
    const settings = { udpPayloadBytes: 1200, ...options.settings };
    this.relay = await this.fixture.start({ settings });
    const identities = [await newIdentity(), await newIdentity()] as const;
    this.#leftId = identities[0].nodeId;
    this.#rightId = identities[1].nodeId;
    this.left = await this.fixture.start({ ...options, settings, identity: identities[0] });
    this.right = await this.fixture.start({ ...options, settings, identity: identities[1] });
    for (const endpoint of [this.left, this.right]) this.#carriers.push(await this.#connect(endpoint));
    const [left, right] = this.#carriers as [Carrier, Carrier];
    this.relay.onRelayed((idKey, datagram, host, port) => {
      if (!this.#sessions.has(idKey)) return 'relay-session';
      const fromLeft = this.relay.comesFrom(left.relays, host, port);
      if (!fromLeft && !this.relay.comesFrom(right.relays, host, port)) return 'relay-source';
      this.forwarded.push(Buffer.from(datagram));
      for (const one of this.tamper(datagram)) this.relay.passOn(fromLeft ? right.relays : left.relays, one);
      return undefined;
    });
  }

  /** A session of the relay between the two nodes, known to both. */
  open(): RelayedEnds {
    const sessionId = randomBytes(8).toString('hex');
    this.#sessions.add(relayIdKey(sessionId));
    const [left, right] = this.#carriers as [Carrier, Carrier];
    return { sessionId, left: this.left.joinRelay(left.own, sessionId, this.#rightId), right: this.right.joinRelay(right.own, sessionId, this.#leftId) };
  }

  async close(): Promise<void> {
    await this.fixture.close();
    this.#carriers.length = 0;
  }

  async #connect(endpoint: QuicheEndpoint): Promise<Carrier> {
    const accepted = nextConnection(this.relay);
    const own = await endpoint.dial(routeTo(this.relay));
    const relays = await accepted;
    const key = randomBytes(32);
    for (const connection of [own, relays]) {
      connection.admit();
      connection.setPathKey(() => key);
    }
    return { own, relays };
  }
}

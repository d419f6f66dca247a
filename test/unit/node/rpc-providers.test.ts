import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import type { Contact } from '../../../src/lib/dht/contact.js';
import { createRecord } from '../../../src/lib/dht/record.js';
import { procedureKey } from '../../../src/lib/dht/record-keys.js';
import { DhtProviderLookup } from '../../../src/lib/node/rpc-providers.js';
import type { RpcTransport } from '../../../src/lib/rpc/ports.js';
import { ProcedureRegistry } from '../../../src/lib/rpc/procedure-registry.js';
import { Rpc } from '../../../src/lib/rpc/rpc.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { recordField } from '../../../src/lib/wire/signed-record.js';
import { capture } from '../../support/session-nodes.js';
import { settle } from '../../support/virtual-clock.js';
import { DhtLab, newSigner, peer, realm, type SentRequest } from '../dht/dht-shell-lab.js';

const settings = { ...defaultSettings(), rpcFindMs: 2000 };
const procedure = 'sum';

/** RPC over a DHT whose peers are the test's. */
class RpcLab {
  readonly dht = new DhtLab();
  readonly asked: string[] = [];
  readonly rpc: Rpc;

  constructor() {
    const transport: RpcTransport = { ask: (nodeId, _type, _body, _options, end) => (this.asked.push(nodeId), end.resolve([0, 'done'])), serve: () => undefined, openStream: () => Promise.reject(new Error('no streams here')), serveStreams: () => undefined };
    const components = { nodeId: this.dht.signer.nodeId, transport, providers: new DhtProviderLookup({ dht: this.dht.dht }), registry: new ProcedureRegistry(settings) };
    this.rpc = new Rpc({ ...components, clock: this.dht.clock, random: seededRandom(1), logger: silentLogger }, settings);
  }

  /** A lab whose routing table has these peers. */
  static async knowing(...peers: readonly Contact[]): Promise<RpcLab> {
    const lab = new RpcLab();
    await lab.dht.dht.start();
    for (const contact of peers) lab.dht.transport.listener!.opened(contact);
    await settle();
    for (const request of lab.take()) request.answer([[]]);
    await settle();
    expect(lab.dht.dht.nodes()).to.have.length(peers.length);
    return lab;
  }

  take(): SentRequest[] {
    return this.dht.transport.sent.splice(0);
  }
}

/** What a peer answers that knows of nobody. */
const nothing = [[], 0, []];
const errorOf = async (call: Promise<unknown>): Promise<MaculaError> => MaculaError.from((await capture(call)).error);

describe('finding a provider while nodes of the DHT are silent', () => {
  it('says that nobody serves a procedure as soon as all have said so', async () => {
    const lab = await RpcLab.knowing(peer(1), peer(2));
    const called = errorOf(lab.rpc.call(procedure, null));
    await settle();
    for (const request of lab.take()) request.answer(nothing);
    const error = await called;
    expect([error.code, error.details['executed'], lab.dht.clock.nowMs()]).to.deep.equal(['MACULA_NO_PROVIDER', 'no', 0]);
  });

  it('says so within its time where one that might know does not answer, and does not remember it', async () => {
    const lab = await RpcLab.knowing(peer(1), peer(2));
    for (const attempt of [1, 2]) {
      const beginMs = lab.dht.clock.nowMs();
      const called = errorOf(lab.rpc.call(procedure, null));
      await settle();
      const sent = lab.take();
      expect(sent.map(({ contact }) => contact.nodeId), `attempt ${attempt} asks the silent one again`).to.include(peer(1).nodeId);
      for (const request of sent) if (request.contact.nodeId === peer(2).nodeId) request.answer(nothing);
      await lab.dht.clock.advanceAsync(settings.rpcFindMs);
      expect((await called).code).to.equal('MACULA_NO_PROVIDER');
      expect(lab.dht.clock.nowMs() - beginMs).to.be.at.most(settings.rpcFindMs);
    }
  });

  it('says that it could not find out where nobody answers, long before the deadline', async () => {
    const lab = await RpcLab.knowing(peer(1), peer(2));
    const called = errorOf(lab.rpc.call(procedure, null, { timeoutMs: 60_000 }));
    await settle();
    await lab.dht.clock.advanceAsync(settings.rpcFindMs);
    const error = await called;
    expect([error.code, error.message]).to.deep.equal(['MACULA_UNREACHABLE', 'who serves "sum" could not be found out: none of the nodes that were asked answered']);
    expect(error.details).to.include({ status: 'UNAVAILABLE', executed: 'no', procedure, attempts: 0 });
    expect(lab.rpc.stats().calls.running).to.equal(0);
  });

  it('calls a provider that one of them named, without waiting for the silent, and keeps it while nobody answers', async () => {
    const lab = await RpcLab.knowing(peer(1), peer(2));
    const provider = newSigner();
    const record = createRecord(realm, { kind: 'provider', key: procedureKey(realm, procedure), sequence: 1, createdMs: lab.dht.clock.wallMs(), ttlMs: 600_000, body: new Uint8Array(0) }, provider);
    const called = lab.rpc.call(procedure, null);
    await settle();
    for (const request of lab.take()) if (request.contact.nodeId === peer(2).nodeId) request.answer([[recordField(record)], 1, []]);
    await lab.dht.clock.advanceAsync(settings.rpcFindMs);
    expect((await called).provider).to.equal(provider.nodeId);
    const again = lab.rpc.providers(procedure, { fresh: true });
    await settle();
    expect(lab.take().filter(({ type }) => type === FrameType.findValue), 'it is looked for anew').to.have.length(2);
    await lab.dht.clock.advanceAsync(settings.rpcFindMs);
    expect((await again).map(({ nodeId }) => nodeId)).to.deep.equal([provider.nodeId]);
  });
});

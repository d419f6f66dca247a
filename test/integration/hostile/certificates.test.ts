import { expect } from 'chai';
import type { NodeIdentity } from '../../../src/lib/identity/identity.js';
import { CloseCode } from '../../../src/lib/transport/endpoint.js';
import { macula, onlyObject, type FailureJson } from '../../support/cli.js';
import { handshakes, sample } from '../../support/node-observation.js';
import { NodeFarm, type NodeProcess } from '../../support/node-process.js';
import { expiredIdentity, foreignSignedIdentity, newIdentity } from '../../support/odd-identities.js';
import { NodeFixture, until } from '../session/node-fixture.js';
import { RawClient, type RawClientOptions } from '../transport/raw-client.js';

/** RFC 9001 section 4.8: 0x100 plus the TLS alert certificate_required. */
const certificateRequired = 0x174;

describe('a node and a certificate that proves nothing', function () {
  this.timeout(20_000);
  const farm = new NodeFarm();
  const fixture = new NodeFixture();
  const clients: RawClient[] = [];
  let node: NodeProcess;
  let counted: Record<string, number>;

  before(async () => {
    node = await farm.start('node');
  });
  beforeEach(async () => {
    counted = await handshakes(node);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    expect(await sample(node, 'macula_sessions'), 'nobody was admitted').to.equal(0);
  });
  after(async () => {
    await fixture.close();
    await farm.close();
  });

  function rawClient(options: RawClientOptions): RawClient {
    const client = new RawClient(node.port, options);
    clients.push(client);
    return client;
  }

  /** What has been counted since the test began. */
  async function counts(): Promise<Record<string, number>> {
    const changed = Object.entries(await handshakes(node)).map(([outcome, count]) => [outcome, count - (counted[outcome] ?? 0)] as const);
    return Object.fromEntries(changed.filter(([, count]) => count > 0));
  }

  const certificates: { what: string; make: () => Promise<NodeIdentity>; code: string }[] = [
    { what: 'that has expired', make: expiredIdentity, code: 'MACULA_CERTIFICATE_EXPIRED' },
    { what: 'that another key has signed', make: foreignSignedIdentity, code: 'MACULA_CERTIFICATE_INVALID' },
  ];
  for (const { what, make, code } of certificates) {
    it(`refuses a dialling peer with a certificate ${what}, and the peer is told`, async () => {
      const stranger = await fixture.node({}, await make());
      const error = await stranger.sessions.dial({ kind: 'direct', address: { host: '127.0.0.1', port: node.port } }).catch((thrown: unknown) => thrown);
      expect(error).to.include({ code: 'MACULA_PEER_REFUSED' });
      expect(error).to.have.nested.property('details.closeCode', CloseCode.certificateRefused);
      expect(await counts()).to.deep.equal({ [code]: 1 });
    });

    it(`refuses a node it reached that shows a certificate ${what}, with exit code 6`, async () => {
      const stranger = await fixture.node({}, await make());
      const { port } = stranger.endpoint.localAddresses[0]!;
      const result = await macula(['peers', 'connect', `127.0.0.1:${port}`, '--json', '--data-dir', node.dataDir]);
      expect(result.code, result.stdout).to.equal(6);
      expect(onlyObject<FailureJson>(result).error.code).to.equal(code);
      expect(await counts()).to.deep.equal({ [code]: 1 });
      await until(() => stranger.refused.length === 1, 'the stranger was told');
      expect(stranger.refused[0]).to.include({ code: 'MACULA_PEER_REFUSED', direction: 'in' });
      expect(stranger.opened).to.deep.equal([]);
    });
  }

  it('refuses a client without a certificate by the TLS alert for it', async () => {
    const client = rawClient({});
    await client.until(() => client.native.peerError() !== null);
    expect(client.native.peerError()!.errorCode).to.equal(certificateRequired);
    expect(await counts()).to.deep.equal({ certificate_required: 1 });
  });

  it('refuses a client that shows the certificate of somebody else besides its own', async () => {
    const [own, victim] = await Promise.all([newIdentity(), newIdentity()]);
    const client = rawClient({ identity: { ...own, certificatePem: own.certificatePem + victim.certificatePem } });
    await client.until(() => client.native.peerError() !== null);
    expect(client.native.peerError()).to.include({ isApp: true, errorCode: CloseCode.certificateRefused });
    expect(await counts()).to.deep.equal({ MACULA_CERTIFICATE_INVALID: 1 });
  });

  it('refuses a resumed session, with and without early data, whoever holds it', async () => {
    const victim = rawClient({ identity: await newIdentity(), earlyData: true });
    await victim.until(() => victim.native.isEstablished() && victim.native.session() !== null);
    for (const earlyData of [false, true]) {
      const thief = rawClient({ session: victim.native.session()!, earlyData });
      thief.native.streamSend(0, Buffer.from('let me in'), true);
      await thief.until(() => thief.native.peerError() !== null);
      expect(thief.native.peerError()).to.include({ isApp: true, errorCode: CloseCode.resumedSession });
    }
    expect(await counts()).to.deep.equal({ completed: 1, MACULA_CERTIFICATE_INVALID: 2 });
  });
});

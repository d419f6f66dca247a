import { expect } from 'chai';
import { decodeBody, encodeBody } from '../../../src/lib/wire/message-pack.js';
import { FrameFlag } from '../../../src/lib/wire/frame.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { HelloCore, type HelloEffect, type HelloParty } from '../../../src/lib/session/hello-core.js';
import { realmId } from '../../../src/lib/session/realm-proof.js';

const clientId = 'a'.repeat(64);
const serverId = 'b'.repeat(64);

function party(role: 'client' | 'server', over: Partial<HelloParty> = {}): HelloParty {
  const own = role === 'client' ? 1 : 2;
  return {
    role,
    nodeId: role === 'client' ? clientId : serverId,
    peerId: role === 'client' ? serverId : clientId,
    realmId: realmId('macula'),
    realmSecret: '',
    agent: `agent/${role}`,
    capabilities: ['relay'],
    listen: [{ host: '192.0.2.1', port: 4433 }],
    observed: { host: '198.51.100.7', port: 50_000 },
    timeMs: own * 1_000_000_000_000,
    nonce: new Uint8Array(32).fill(own),
    pathSecret: new Uint8Array(32).fill(own + 2),
    ...over,
  };
}

interface Message {
  readonly type: number;
  readonly flags: number;
  readonly body: unknown;
}

interface Side {
  readonly core: HelloCore;
  readonly effects: HelloEffect[];
}

/** Lets two cores talk until both are silent; `tamper` may change or drop what travels. */
function talk(client: HelloParty, server: HelloParty, tamper: (message: Message, from: 'client' | 'server') => Message | undefined = (message) => message): { client: HelloEffect[]; server: HelloEffect[] } {
  const sides: Record<'client' | 'server', Side> = { client: { core: new HelloCore(client), effects: [] }, server: { core: new HelloCore(server), effects: [] } };
  const queue: { to: 'client' | 'server'; message: Message }[] = [];
  const take = (who: 'client' | 'server', effects: HelloEffect[]): void => {
    for (const effect of effects) {
      sides[who].effects.push(effect);
      if (effect.kind !== 'send') continue;
      const message = tamper(effect, who);
      if (message) queue.push({ to: who === 'client' ? 'server' : 'client', message });
    }
  };
  take('server', sides.server.core.handle({ kind: 'start' }));
  take('client', sides.client.core.handle({ kind: 'start' }));
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { type, flags, body } = next.message;
    take(next.to, sides[next.to].core.handle({ kind: 'frame', type, flags, payload: encodeBody(body) }));
  }
  return { client: sides.client.effects, server: sides.server.effects };
}

function verdicts(effects: HelloEffect[]): string[] {
  return effects.flatMap((effect) => (effect.kind === 'refuse' ? [effect.error.code] : effect.kind === 'admitted' ? ['admitted'] : []));
}

const closed = { realmSecret: 'x'.repeat(32) };

describe('HELLO', () => {
  const meetings: { name: string; client: Partial<HelloParty>; server: Partial<HelloParty>; expectClient: string[]; expectServer: string[] }[] = [
    { name: 'open realm', client: {}, server: {}, expectClient: ['admitted'], expectServer: ['admitted'] },
    { name: 'closed realm', client: closed, server: closed, expectClient: ['admitted'], expectServer: ['admitted'] },
    { name: 'different realms', client: {}, server: { realmId: realmId('other') }, expectClient: [], expectServer: ['MACULA_REALM_MISMATCH'] },
    { name: 'different realms, both closed with one secret', client: closed, server: { ...closed, realmId: realmId('other') }, expectClient: [], expectServer: ['MACULA_REALM_MISMATCH'] },
    { name: 'different secrets', client: closed, server: { realmSecret: 'y'.repeat(32) }, expectClient: [], expectServer: ['MACULA_REALM_PROOF_FAILED'] },
    { name: 'a client without a secret', client: {}, server: closed, expectClient: ['MACULA_REALM_PROOF_FAILED'], expectServer: [] },
    { name: 'a server without a secret', client: closed, server: {}, expectClient: ['MACULA_REALM_PROOF_FAILED'], expectServer: ['admitted'] },
  ];
  for (const { name, client, server, expectClient, expectServer } of meetings) {
    it(`decides on both sides: ${name}`, () => {
      const effects = talk(party('client', client), party('server', server));
      expect([verdicts(effects.client), verdicts(effects.server)]).to.deep.equal([expectClient, expectServer]);
    });
  }

  for (const over of [{}, closed]) {
    it(`ends with the same path key and each other's words (${over === closed ? 'closed' : 'open'} realm)`, () => {
      const effects = talk(party('client', over), party('server', over));
      const [client, server] = [effects.client, effects.server].map((list) => list.find((effect) => effect.kind === 'admitted'));
      expect(client!.pathKey()).to.deep.equal(server!.pathKey());
      expect(server!.hello).to.deep.equal({ agent: 'agent/client', capabilities: ['relay'], listen: [{ host: '192.0.2.1', port: 4433 }], observedAddress: { host: '198.51.100.7', port: 50_000 }, timeMs: 1_000_000_000_000 });
      expect(client!.hello.agent).to.equal('agent/server');
    });
  }

  it('refuses a client of another protocol version before looking at anything else', () => {
    const effects = talk(party('client'), party('server'), ({ type, flags }) => ({ type, flags, body: [0, { version: 2 }] }));
    expect(verdicts(effects.server)).to.deep.equal(['MACULA_VERSION_MISMATCH']);
  });

  it('refuses a server that copies the proof of the client', () => {
    let proof: unknown;
    const effects = talk(party('client', closed), party('server', closed), (message, from) => {
      const [id, fields] = message.body as [number, Record<string, unknown>];
      if (message.type === FrameType.proof) proof = fields['proof'];
      return from === 'server' && message.type === FrameType.admitted ? { ...message, body: [id, { ...fields, proof }] } : message;
    });
    expect(verdicts(effects.client)).to.deep.equal(['MACULA_REALM_PROOF_FAILED']);
  });

  it('refuses a server that leaves its proof out', () => {
    const effects = talk(party('client', closed), party('server', closed), (message) => {
      const [id, fields] = message.body as [number, Record<string, unknown>];
      return message.type === FrameType.admitted ? { ...message, body: [id, { ...fields, proof: null }] } : message;
    });
    expect(verdicts(effects.client)).to.deep.equal(['MACULA_REALM_PROOF_FAILED']);
  });

  it('refuses a proof made for another server', () => {
    const effects = talk(party('client', { ...closed, peerId: 'c'.repeat(64) }), party('server', closed));
    expect(verdicts(effects.server)).to.deep.equal(['MACULA_REALM_PROOF_FAILED']);
  });

  it('refuses a proof made for another nonce', () => {
    const effects = talk(party('client', closed), party('server', closed), (message) =>
      message.type === FrameType.challenge ? { ...message, body: [0, { nonce: new Uint8Array(32).fill(99) }] } : message);
    expect(verdicts(effects.server)).to.deep.equal(['MACULA_REALM_PROOF_FAILED']);
  });

  const types = Object.values(FrameType);
  for (const type of types.filter((other) => other !== FrameType.connect)) {
    for (const flags of [FrameFlag.none, FrameFlag.request, FrameFlag.reply]) {
      it(`refuses a frame of type 0x${type.toString(16)} with flags ${flags} before CONNECT`, () => {
        const core = new HelloCore(party('server'));
        core.handle({ kind: 'start' });
        const effects = core.handle({ kind: 'frame', type, flags, payload: encodeBody([0, null]) });
        expect(verdicts(effects)).to.deep.equal(['MACULA_PROTOCOL_VIOLATION']);
        expect(core.handle({ kind: 'frame', type: FrameType.connect, flags: 1, payload: encodeBody([0, null]) })).to.deep.equal([]);
      });
    }
  }

  for (const type of types.filter((other) => other !== FrameType.admitted && other !== FrameType.challenge)) {
    it(`refuses a frame of type 0x${type.toString(16)} as the answer to CONNECT`, () => {
      const core = new HelloCore(party('client'));
      core.handle({ kind: 'start' });
      expect(verdicts(core.handle({ kind: 'frame', type, flags: FrameFlag.reply, payload: encodeBody([0, {}]) }))).to.deep.equal(['MACULA_PROTOCOL_VIOLATION']);
    });
  }

  it('refuses CONNECT twice, in a closed realm as elsewhere', () => {
    const server = new HelloCore(party('server', closed));
    server.handle({ kind: 'start' });
    const [connect] = new HelloCore(party('client')).handle({ kind: 'start' });
    const frame = { kind: 'frame', type: FrameType.connect, flags: FrameFlag.request, payload: encodeBody((connect as { body: unknown }).body) } as const;
    expect(server.handle(frame).map((effect) => effect.kind)).to.deep.equal(['send']);
    expect(verdicts(server.handle(frame))).to.deep.equal(['MACULA_PROTOCOL_VIOLATION']);
  });

  it('refuses a CONNECT with wrong flags, a wrong correlation id or a malformed body', () => {
    const [connect] = new HelloCore(party('client')).handle({ kind: 'start' });
    const body = (connect as { body: [number, unknown] }).body;
    const cases: [number, Uint8Array][] = [
      [FrameFlag.none, encodeBody(body)],
      [FrameFlag.reply, encodeBody(body)],
      [FrameFlag.request, encodeBody([7, body[1]])],
      [FrameFlag.request, encodeBody([0, null])],
      [FrameFlag.request, Uint8Array.of(0xc1)],
    ];
    for (const [flags, payload] of cases) {
      const core = new HelloCore(party('server'));
      core.handle({ kind: 'start' });
      expect(verdicts(core.handle({ kind: 'frame', type: FrameType.connect, flags, payload }))).to.deep.equal(['MACULA_PROTOCOL_VIOLATION']);
    }
  });

  it('refuses a peer that takes too long, and nothing after it is over', () => {
    const core = new HelloCore(party('server'));
    core.handle({ kind: 'start' });
    expect(verdicts(core.handle({ kind: 'timeout' }))).to.deep.equal(['MACULA_TIMED_OUT']);
    expect(core.handle({ kind: 'timeout' })).to.deep.equal([]);
  });

  it('sends nothing made with the secret before the other side has proved itself', () => {
    const effects = talk(party('client', { realmSecret: 'z'.repeat(32) }), party('server', closed));
    const sent = effects.server.flatMap((effect) => (effect.kind === 'send' ? [effect] : []));
    expect(sent.map(({ type }) => type)).to.deep.equal([FrameType.challenge]);
    expect(decodeBody(encodeBody(sent[0]!.body))).to.deep.equal([0, { nonce: new Uint8Array(32).fill(2) }]);
  });
});

import { createPrivateKey } from 'node:crypto';
import { proveRealm, realmId, type ProofContext } from '../../../src/lib/session/realm-proof.js';
import { derivePathKey } from '../../../src/lib/session/path-key.js';
import { encodeProbe } from '../../../src/lib/transport/path-probe.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { ownedKey, sharedKey } from '../../../src/lib/dht/record-keys.js';
import { createRecord } from '../../../src/lib/dht/record.js';
import { createSigner, readSigningKey } from '../../../src/lib/identity/signing.js';
import { BundleCodec } from '../../../src/lib/pubsub/bundle.js';
import { cancelBody } from '../../../src/lib/wire/correlation.js';
import { dhtReplyBody, dhtRequestBody, type DhtReplyMessage, type DhtRequestMessage } from '../../../src/lib/wire/dht-messages.js';
import { disconnectBody } from '../../../src/lib/wire/disconnect.js';
import { errorBody } from '../../../src/lib/wire/error-message.js';
import { encodeFrame, FrameFlag } from '../../../src/lib/wire/frame.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { admittedBody, challengeBody, connectBody, proofBody } from '../../../src/lib/wire/hello.js';
import { natProbeBody, natProbeReplyBody, natProbeViaBody } from '../../../src/lib/wire/nat-messages.js';
import { peerExchangeBody, peerExchangeReplyBody } from '../../../src/lib/wire/peer-exchange.js';
import {
  announceBody, doneBody, interestBody, publishAckBody, publishBody, replayBody, replayReplyBody, routeBody, routedBody, subscribeBody,
} from '../../../src/lib/wire/pubsub-messages.js';
import { encodePeerRecord } from '../../../src/lib/wire/peer-record.js';
import { relayCloseBody, relayIncomingBody, relayOpenBody, relayOpenReplyBody, relayPeerBody, relayPeerReplyBody, relayReserveBody, relayReserveReplyBody, relayedByBody } from '../../../src/lib/wire/relay-messages.js';
import { callBody, failureBody, heldBody, resultBody } from '../../../src/lib/wire/rpc-messages.js';
import { punchBody, punchFrameTypes, type PunchMessage } from '../../../src/lib/wire/punch.js';
import { callPurpose, callStreamHeader } from '../../../src/lib/wire/rpc-stream.js';
import { streamOpenBody } from '../../../src/lib/wire/stream-open.js';

const client = { id: '11'.repeat(32), nonce: Buffer.alloc(32, 0xaa), pathSecret: Buffer.alloc(32, 0xc1) };
const server = { id: '22'.repeat(32), nonce: Buffer.alloc(32, 0xbb), pathSecret: Buffer.alloc(32, 0xc2) };
const clientAddress = { host: '198.51.100.7', port: 50_000 };
const serverAddress = { host: '192.0.2.1', port: 4433 };

const context: ProofContext = {
  secret: 'correct horse battery staple',
  realmId: realmId('macula'),
  clientId: client.id,
  serverId: server.id,
  clientNonce: client.nonce,
  serverNonce: server.nonce,
  version: 1,
  alpn: 'macula/1',
};
const clientSide = { agent: 'example/1', capabilities: [], listen: [{ host: '2001:db8::7', port: 4433 }], observed: serverAddress, pathSecret: client.pathSecret };
const serverSide = { agent: 'example/1', capabilities: ['relay'], listen: [serverAddress], observed: clientAddress, pathSecret: server.pathSecret };
const pathKey = derivePathKey(client.pathSecret, server.pathSecret);
const probe = { connectionId: Buffer.from('0102030405060708', 'hex'), transaction: 'a1a2a3a4a5a6a7a8', sequence: 0 };

const relaySession = 'e1e2e3e4e5e6e7e8';
const stunTransaction = 'b7e7a701bc34d686fa87dfae';

const { request, reply, none } = FrameFlag;

/** An Ed25519 key of 32 bytes of 0x33 in PKCS#8 (RFC 8410 §7). */
const privateKey = createPrivateKey({ key: Buffer.from(`302e020100300506032b657004220420${'33'.repeat(32)}`, 'hex'), format: 'der', type: 'pkcs8' });
const privateKeyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
const unnamed = createSigner({ nodeId: '', keyType: 'ed25519', privateKeyPem });
const publisher = readSigningKey(unnamed.publicKey)!.nodeId;
const signer = { ...unnamed, nodeId: publisher };
const key = sharedKey(context.realmId, 'greeting');
const createdMs = Date.UTC(2026, 0, 1);
const record = createRecord(context.realmId, { kind: 'value', key, sequence: 3, createdMs, ttlMs: 86_400_000, body: Buffer.from('hello') }, signer);
const contact = { nodeId: server.id, id: Buffer.from(server.id, 'hex'), addresses: [serverAddress], reachability: 'public', relays: [] } as const;

const bundle = new BundleCodec({ signer, verify: () => true }, context.realmId).sign({ epoch: createdMs, topic: 'weather.zurich', qos: 1, first: 1, sentMs: createdMs, bodies: [Buffer.from('rain')] });
const patterns = [{ pattern: 'weather.*', qos: 1 }] as const;
const asked = (type: FrameType, body: unknown): Uint8Array => encodeFrame(type, request, [9, body]);
const answered = (type: FrameType, body: unknown): Uint8Array => encodeFrame(type, reply, [9, body]);

function dhtRequest(message: DhtRequestMessage): Uint8Array {
  const { frameType, body } = dhtRequestBody(message);
  return encodeFrame(frameType, request, [9, body]);
}

function dhtReply(message: DhtReplyMessage): Uint8Array {
  const { frameType, body } = dhtReplyBody(message);
  return encodeFrame(frameType, reply, [9, body]);
}

function punch(message: PunchMessage): Uint8Array {
  return encodeFrame(punchFrameTypes[message.type], none, punchBody(message));
}

const portRestricted = { natType: 'port-restricted', mapping: 'endpoint-independent', filtering: 'address-and-port-dependent', ports: 'preserved', portDelta: 0 } as const;
const sequential = { natType: 'symmetric', mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent', ports: 'sequential', portDelta: 1 } as const;
const observedCandidate = { kind: 'observed', address: clientAddress } as const;
const predictedCandidates = [30_012, 30_013].map((port) => ({ kind: 'predicted', address: { host: '192.0.2.1', port } }) as const);

/** The worked examples of docs/PROTOCOL.md, by name, as the real encoders make them. */
export const protocolExamples: Readonly<Record<string, Uint8Array>> = {
  'realm-id': realmId('macula'),
  connect: encodeFrame(FrameType.connect, request, [0, connectBody({ version: 1, realmId: context.realmId, nonce: client.nonce, ...clientSide })]),
  'admitted-open': encodeFrame(FrameType.admitted, reply, [0, admittedBody({ ...serverSide, proof: undefined })]),
  challenge: encodeFrame(FrameType.challenge, reply, [0, challengeBody(server.nonce)]),
  'client-proof': proveRealm('client', context),
  proof: encodeFrame(FrameType.proof, request, [1, proofBody(proveRealm('client', context))]),
  'server-proof': proveRealm('server', context),
  'admitted-closed': encodeFrame(FrameType.admitted, reply, [1, admittedBody({ ...serverSide, proof: proveRealm('server', context) })]),
  'path-key': pathKey,
  ping: encodeFrame(FrameType.ping, request, [7, null]),
  pong: encodeFrame(FrameType.pong, reply, [7, null]),
  error: encodeFrame(FrameType.error, reply, [7, errorBody(new MaculaError('MACULA_OVERLOADED', 'too many requests', { details: { limit: 1000 } }))]),
  cancel: encodeFrame(FrameType.cancel, none, cancelBody(7)),
  disconnect: encodeFrame(FrameType.disconnect, none, disconnectBody(0x0b, 'shutting down')),
  'stream-open': encodeFrame(FrameType.streamOpen, none, streamOpenBody('echo', null)),
  call: encodeFrame(FrameType.call, request, [5, callBody('math.add', { a: 1, b: 2 }, 5000, undefined)]),
  'call-reply': encodeFrame(FrameType.reply, reply, [5, resultBody(3)]),
  'call-idempotent': encodeFrame(FrameType.call, request, [6, callBody('math.add', { a: 1 }, 5000, Buffer.alloc(16, 0xcd))]),
  'call-failure': encodeFrame(FrameType.reply, reply, [6, failureBody(3, 'b is missing', {})]),
  'stream-call': encodeFrame(FrameType.streamOpen, none, streamOpenBody(callPurpose, callStreamHeader({ mode: 'values', procedure: 'math.count', remainingMs: undefined, callId: undefined, argumentBytes: 1 }))),
  'stream-arguments': encodeFrame(FrameType.streamArguments, none, 2),
  'stream-accepted': encodeFrame(FrameType.streamAccepted, none, null),
  'stream-value': encodeFrame(FrameType.streamValue, none, 1),
  'stream-end': encodeFrame(FrameType.streamEnd, none, resultBody(null)),
  'call-reply-held': encodeFrame(FrameType.reply, reply, [5, heldBody(Buffer.alloc(16, 0xcd), 2_000_007)]),
  'peer-exchange': encodeFrame(FrameType.peerExchange, request, [8, peerExchangeBody(16)]),
  'peer-exchange-reply': encodeFrame(FrameType.peerExchangeReply, reply, [8, peerExchangeReplyBody([{ nodeId: client.id, addresses: [clientAddress], ageSeconds: 12 }])]),
  'find-node': dhtRequest({ type: 'find-node', target: key.bytes }),
  'find-node-reply': dhtReply({ type: 'contacts', contacts: [contact] }),
  'shared-key': key.bytes,
  'owned-key': ownedKey(context.realmId, publisher, 'greeting').bytes,
  'record-publisher': Buffer.from(publisher, 'hex'),
  'record-payload': record.payload,
  'record-signature': record.signature,
  store: dhtRequest({ type: 'store', record, expectedSequence: 2 }),
  'store-reply': dhtReply({ type: 'stored' }),
  'store-reply-refused': dhtReply({ type: 'refused', reason: 'publisher-quota' }),
  'find-value': dhtRequest({ type: 'find-value', key: key.bytes }),
  'find-value-reply': dhtReply({ type: 'records', records: [record], total: 1, contacts: [] }),
  'find-value-page': dhtRequest({ type: 'find-providers', key: key.bytes, offset: 64, limit: 64 }),
  subscribe: asked(FrameType.subscribe, subscribeBody(patterns)),
  'pubsub-done': answered(FrameType.pubsubDone, doneBody(createdMs)),
  'pubsub-announce': asked(FrameType.pubsubAnnounce, announceBody('weather.zurich', createdMs)),
  'pubsub-interest': answered(FrameType.pubsubInterest, interestBody(patterns)),
  'bundle-payload': bundle.payload,
  'bundle-signature': bundle.signature,
  publish: asked(FrameType.publish, publishBody({ link: 5, first: 0, bundles: [bundle] })),
  'publish-ack': answered(FrameType.publishAck, publishAckBody({ next: 1, unwanted: ['weather.zurich'] })),
  replay: asked(FrameType.replay, replayBody({ epoch: createdMs, from: 1, to: 1 })),
  'replay-reply': answered(FrameType.replayReply, replayReplyBody({ oldest: 1, bundles: [bundle] })),
  'pubsub-route': asked(FrameType.pubsubRoute, routeBody({ link: 6, first: 0, targets: [{ id: Buffer.alloc(32, 0x22), addresses: [serverAddress] }], waitMs: 2500, bundles: [bundle] })),
  'pubsub-routed': answered(FrameType.pubsubRouted, routedBody({ next: 1, unwanted: [], missed: [0] })),
  'pubsub-forward': asked(FrameType.pubsubForward, publishBody({ link: 7, first: 0, bundles: [bundle] })),
  'peer-record': encodePeerRecord({ addresses: [clientAddress], relays: [{ nodeId: server.id, addresses: [serverAddress] }] }),
  'relay-reserve': encodeFrame(FrameType.relayReserve, request, [10, relayReserveBody()]),
  'relay-reserve-reply': encodeFrame(FrameType.relayReserveReply, reply, [10, relayReserveReplyBody(600)]),
  'relay-open': encodeFrame(FrameType.relayOpen, request, [11, relayOpenBody(client.id)]),
  'relay-open-reply': encodeFrame(FrameType.relayOpenReply, reply, [11, relayOpenReplyBody(relaySession)]),
  'relay-incoming': encodeFrame(FrameType.relayIncoming, none, relayIncomingBody({ sessionId: relaySession, nodeId: server.id })),
  'relay-peer': encodeFrame(FrameType.relayPeer, request, [12, relayPeerBody(relaySession)]),
  'relay-peer-reply': encodeFrame(FrameType.relayPeerReply, reply, [12, relayPeerReplyBody(clientAddress)]),
  'relay-close': encodeFrame(FrameType.relayClose, none, relayCloseBody({ sessionId: relaySession, reason: 'idle' })),
  'relayed-by': encodeFrame(FrameType.relayedBy, none, relayedByBody([{ nodeId: server.id, addresses: [serverAddress] }])),
  'punch-offer': punch({ type: 'offer', attempt: 77, nat: portRestricted, candidates: [observedCandidate, { kind: 'local', address: { host: '10.0.0.2', port: 4433 } }] }),
  'punch-answer': punch({ type: 'answer', attempt: 77, nat: sequential, candidates: predictedCandidates, heldMs: 42 }),
  'punch-start': punch({ type: 'start', attempt: 77, candidates: [] }),
  'punch-end': punch({ type: 'end', attempt: 78, reason: 'rate-limited' }),
  'nat-probe': encodeFrame(FrameType.natProbe, request, [10, natProbeBody({ sender: 'node', transactionId: stunTransaction, target: clientAddress })]),
  'nat-probe-via': encodeFrame(FrameType.natProbeVia, request, [11, natProbeViaBody({ transactionId: stunTransaction, target: clientAddress })]),
  'nat-probe-reply': encodeFrame(FrameType.natProbeReply, reply, [10, natProbeReplyBody({ sent: true, otherPort: 40_000 })]),
  'probe-request': encodeProbe({ ...probe, type: 'request', observedAddress: undefined }, pathKey, 'client'),
  'probe-answer': encodeProbe({ ...probe, connectionId: Buffer.from('1112131415161718', 'hex'), type: 'answer', observedAddress: clientAddress }, pathKey, 'server'),
};

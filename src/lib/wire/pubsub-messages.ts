import { bytesBetween, bytesOf, integerOf, listOf, addressOf, addressTexts, textOf, tupleOf } from './fields.js';
import type { SocketAddress } from '../base/address.js';

/** Longest topic or pattern, bytes of UTF-8. */
export const maxTopicBytes = 255;
/** Most patterns in one SUBSCRIBE, UNSUBSCRIBE or answer to PUBSUB_ANNOUNCE. */
export const maxPatterns = 256;
/** Most bundles in one PUBLISH. */
export const maxFrameEntries = 1024;
/** Most bytes of a bundle's payload: a message of the largest frame and what is around it. */
export const maxBundleBytes = 64 * 1024 * 1024;
/** Most bytes of its signature: RSA of 4096 bits. */
export const maxBundleSignatureBytes = 512;
/** Most topics that one answer to PUBLISH says nobody wants. */
export const maxUnwanted = 16;
/** Most members of a share in one PUBSUB_ROUTE. */
export const maxShareMembers = 256;
const maxMemberAddresses = 4;
const idBytes = 32;
const maxInteger = Number.MAX_SAFE_INTEGER;

/** 0: at most once; 1: acknowledged, sent again until it is. */
export type Qos = 0 | 1;

/** Messages of one publisher, signed together; the signature covers the payload (docs/PROTOCOL.md, "Bundles"). */
export interface SignedBundle {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** One bundle in a PUBLISH. */
export interface BundleEntry extends SignedBundle {
  /** Version of the share of subscribers that the receiver passes it on to; undefined: to nobody. */
  readonly share: number | undefined;
}

/** A pattern somebody subscribed to, and the best delivery wanted. */
export interface WirePattern {
  readonly pattern: string;
  readonly qos: Qos;
}

/** PUBLISH: bundles number `first` and on of a link, which begins anew with 0 whenever its number grows. */
export interface PublishMessage {
  readonly link: number;
  readonly first: number;
  readonly entries: readonly BundleEntry[];
}

/** Answer to PUBLISH. */
export interface PublishAck {
  /** Bundles of the link taken so far, all those before included. */
  readonly next: number;
  /** Topics among them that nobody at the receiver subscribed to. */
  readonly unwanted: readonly string[];
  /** Versions of shares that the receiver does not know. */
  readonly unknownShares: readonly number[];
}

/** REPLAY: the messages from..to of a stream are missing. */
export interface ReplayMessage {
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
}

/** Answer to REPLAY. */
export interface ReplayReply {
  /** The oldest message that is still there; what is before it is lost. */
  readonly oldest: number;
  readonly bundles: readonly SignedBundle[];
}

/** A member of a share. */
export interface ShareMember {
  /** 64 lower-case hex characters. */
  readonly nodeId: string;
  readonly addresses: readonly SocketAddress[];
}

/** PUBSUB_ROUTE: the receiver passes what comes with this version of a share on to its members. */
export interface RouteMessage {
  readonly topic: string;
  readonly version: number;
  readonly members: readonly ShareMember[];
}

/** PUBSUB_DELIVERED: what became of the bundle of a stream that begins with message `first`. */
export interface DeliveredMessage {
  readonly version: number;
  readonly epoch: number;
  readonly first: number;
  /** Members that acknowledged it. */
  readonly delivered: number;
  /** Members that did not. */
  readonly failed: number;
}

function qosOf(message: string, value: unknown): Qos {
  return integerOf(message, 'QoS', value, 0, 1) as Qos;
}

function topicTextOf(message: string, value: unknown): string {
  return textOf(message, 'topic', value, maxTopicBytes, 1);
}

export function publishBody({ link, first, entries }: PublishMessage): unknown {
  return [link, first, entries.map(({ payload, signature, share }) => (share === undefined ? [payload, signature] : [payload, signature, share]))];
}

function bundleOf(message: string, value: unknown): SignedBundle {
  const [payload, signature] = tupleOf(message, value, 2);
  return {
    payload: bytesBetween(message, 'payload', payload, 1, maxBundleBytes),
    signature: bytesBetween(message, 'signature', signature, 1, maxBundleSignatureBytes),
  };
}

function entryOf(value: unknown): BundleEntry {
  if (!Array.isArray(value) || value.length !== 3) return { ...bundleOf('PUBLISH', value), share: undefined };
  return { ...bundleOf('PUBLISH', value.slice(0, 2)), share: integerOf('PUBLISH', 'share', value[2], 0, maxInteger) };
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION, as all readers of this file */
export function readPublish(body: unknown): PublishMessage {
  const [link, first, entries] = tupleOf('PUBLISH', body, 3);
  return {
    link: integerOf('PUBLISH', 'link', link, 0, maxInteger),
    first: integerOf('PUBLISH', 'first', first, 0, maxInteger),
    entries: listOf('PUBLISH', 'entries', entries, maxFrameEntries, entryOf),
  };
}

export function publishAckBody({ next, unwanted, unknownShares }: PublishAck): unknown {
  return [next, unwanted.slice(0, maxUnwanted), unknownShares.slice(0, maxUnwanted)];
}

export function readPublishAck(body: unknown): PublishAck {
  const message = 'PUBLISH_ACK';
  const [next, unwanted, shares] = tupleOf(message, body, 3);
  return {
    next: integerOf(message, 'next', next, 0, maxInteger),
    unwanted: listOf(message, 'unwanted', unwanted, maxUnwanted, (topic) => topicTextOf(message, topic)),
    unknownShares: listOf(message, 'unknown shares', shares, maxUnwanted, (version) => integerOf(message, 'share', version, 0, maxInteger)),
  };
}

function patternField({ pattern, qos }: WirePattern): unknown {
  return [pattern, qos];
}

function patternsOf(message: string, value: unknown): WirePattern[] {
  return listOf(message, 'patterns', value, maxPatterns, (item) => {
    const [pattern, qos] = tupleOf(message, item, 2);
    return { pattern: topicTextOf(message, pattern), qos: qosOf(message, qos) };
  });
}

/** @param patterns at most {@link maxPatterns} */
export function subscribeBody(patterns: readonly WirePattern[]): unknown {
  return [patterns.map(patternField)];
}

export function readSubscribe(body: unknown): WirePattern[] {
  const [patterns] = tupleOf('SUBSCRIBE', body, 1);
  return patternsOf('SUBSCRIBE', patterns);
}

/** Answer to SUBSCRIBE, UNSUBSCRIBE, PUBSUB_ROUTE and PUBSUB_DELIVERED. @param born smallest epoch of the publisher's streams */
export function doneBody(born: number): unknown {
  return [born];
}

export function readDone(body: unknown): number {
  const [born] = tupleOf('PUBSUB_DONE', body, 1);
  return integerOf('PUBSUB_DONE', 'born', born, 0, maxInteger);
}

/** @param patterns at most {@link maxPatterns} */
export function unsubscribeBody(patterns: readonly string[]): unknown {
  return [patterns];
}

export function readUnsubscribe(body: unknown): string[] {
  const [patterns] = tupleOf('UNSUBSCRIBE', body, 1);
  return listOf('UNSUBSCRIBE', 'patterns', patterns, maxPatterns, (pattern) => topicTextOf('UNSUBSCRIBE', pattern));
}

/** PUBSUB_ANNOUNCE: the sender publishes to a topic. @param born as in {@link doneBody} */
export function announceBody(topic: string, born: number): unknown {
  return [topic, born];
}

export function readAnnounce(body: unknown): { topic: string; born: number } {
  const [topic, born] = tupleOf('PUBSUB_ANNOUNCE', body, 2);
  return { topic: topicTextOf('PUBSUB_ANNOUNCE', topic), born: integerOf('PUBSUB_ANNOUNCE', 'born', born, 0, maxInteger) };
}

/** Answer to PUBSUB_ANNOUNCE: the patterns subscribed to that match the topic. */
export function interestBody(patterns: readonly WirePattern[]): unknown {
  return [patterns.slice(0, maxPatterns).map(patternField)];
}

export function readInterest(body: unknown): WirePattern[] {
  const [patterns] = tupleOf('PUBSUB_INTEREST', body, 1);
  return patternsOf('PUBSUB_INTEREST', patterns);
}

export function replayBody({ epoch, from, to }: ReplayMessage): unknown {
  return [epoch, from, to];
}

export function readReplay(body: unknown): ReplayMessage {
  const [epoch, from, to] = tupleOf('REPLAY', body, 3);
  return { epoch: integerOf('REPLAY', 'epoch', epoch, 0, maxInteger), from: integerOf('REPLAY', 'from', from, 1, maxInteger), to: integerOf('REPLAY', 'to', to, 1, maxInteger) };
}

export function replayReplyBody({ oldest, bundles }: ReplayReply): unknown {
  return [oldest, bundles.map(({ payload, signature }) => [payload, signature])];
}

export function readReplayReply(body: unknown): ReplayReply {
  const message = 'REPLAY_REPLY';
  const [oldest, bundles] = tupleOf(message, body, 2);
  return { oldest: integerOf(message, 'oldest', oldest, 1, maxInteger), bundles: listOf(message, 'bundles', bundles, maxFrameEntries, (item) => bundleOf(message, item)) };
}

/** @param members at most {@link maxShareMembers} */
export function routeBody({ topic, version, members }: RouteMessage): unknown {
  return [topic, version, members.map(({ nodeId, addresses }) => [Buffer.from(nodeId, 'hex'), addressTexts(addresses, maxMemberAddresses)])];
}

export function readRoute(body: unknown): RouteMessage {
  const message = 'PUBSUB_ROUTE';
  const [topic, version, members] = tupleOf(message, body, 3);
  return {
    topic: topicTextOf(message, topic),
    version: integerOf(message, 'version', version, 0, maxInteger),
    members: listOf(message, 'members', members, maxShareMembers, (item) => {
      const [id, addresses] = tupleOf(message, item, 2);
      return {
        nodeId: Buffer.from(bytesOf(message, 'node id', id, idBytes)).toString('hex'),
        addresses: listOf(message, 'addresses', addresses, maxMemberAddresses, (address) => addressOf(message, 'address', address)),
      };
    }),
  };
}

export function deliveredBody({ version, epoch, first, delivered, failed }: DeliveredMessage): unknown {
  return [version, epoch, first, delivered, failed];
}

export function readDelivered(body: unknown): DeliveredMessage {
  const message = 'PUBSUB_DELIVERED';
  const fields = tupleOf(message, body, 5);
  const [version, epoch, first] = fields.slice(0, 3).map((value) => integerOf(message, 'number', value, 0, maxInteger)) as [number, number, number];
  const [delivered, failed] = fields.slice(3).map((value) => integerOf(message, 'count', value, 0, maxShareMembers)) as [number, number];
  return { version, epoch, first, delivered, failed };
}

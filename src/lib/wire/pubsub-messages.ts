import type { SocketAddress } from '../base/address.js';
import { addressOf, addressTexts, bytesBetween, bytesOf, integerOf, listOf, textOf, tupleOf } from './fields.js';

/** Longest topic or pattern, bytes of UTF-8. */
export const maxTopicBytes = 255;
/** Most patterns in one SUBSCRIBE, UNSUBSCRIBE or answer to PUBSUB_ANNOUNCE. */
export const maxPatterns = 256;
/** Most bundles in one PUBLISH. */
export const maxFrameBundles = 1024;
/** Most bytes of a bundle's payload: a message of the largest frame and what is around it. */
export const maxBundleBytes = 64 * 1024 * 1024;
/** Most bytes of its signature: RSA of 4096 bits. */
export const maxBundleSignatureBytes = 512;
/** Most topics that one answer to PUBLISH says nobody wants. */
export const maxUnwanted = 16;
/** Most nodes that one PUBSUB_ROUTE names, and addresses of each. */
export const maxTargets = 256;
export const maxTargetAddresses = 4;
/** Longest time one PUBSUB_ROUTE gives for passing on, milliseconds. */
const maxWaitMs = 10 * 60_000;
const maxInteger = Number.MAX_SAFE_INTEGER;

/** 0: at most once; 1: acknowledged, sent again until it is. */
export type Qos = 0 | 1;

/** Messages of one publisher, signed together; the signature covers the payload (docs/PROTOCOL.md, "Bundles"). */
export interface SignedBundle {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
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
  readonly bundles: readonly SignedBundle[];
}

/** Answer to PUBLISH. */
export interface PublishAck {
  /** Bundles of the link taken so far, all those before included. */
  readonly next: number;
  /** Topics among them that nobody at the receiver subscribed to. */
  readonly unwanted: readonly string[];
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

/** A node to pass bundles on to. */
export interface RouteTarget {
  /** 32 bytes. */
  readonly id: Uint8Array;
  readonly addresses: readonly SocketAddress[];
}

/** PUBSUB_ROUTE: take these bundles, and pass them on. */
export interface RouteMessage extends PublishMessage {
  /** To whom, for the whole link; only in its first frame. */
  readonly targets: readonly RouteTarget[] | undefined;
  /** How long the sender waits for the answer, milliseconds. */
  readonly waitMs: number;
}

/** Answer to PUBSUB_ROUTE. */
export interface RouteReply extends PublishAck {
  /** Targets, by their place in the list, that did not acknowledge all bundles of the frame. */
  readonly missed: readonly number[];
}

function qosOf(message: string, value: unknown): Qos {
  return integerOf(message, 'QoS', value, 0, 1) as Qos;
}

function topicTextOf(message: string, value: unknown): string {
  return textOf(message, 'topic', value, maxTopicBytes, 1);
}

export function publishBody({ link, first, bundles }: PublishMessage): unknown {
  return [link, first, bundles.map(bundleField)];
}

function bundleField({ payload, signature }: SignedBundle): unknown {
  return [payload, signature];
}

function bundleOf(message: string, value: unknown): SignedBundle {
  const [payload, signature] = tupleOf(message, value, 2);
  return {
    payload: bytesBetween(message, 'payload', payload, 1, maxBundleBytes),
    signature: bytesBetween(message, 'signature', signature, 1, maxBundleSignatureBytes),
  };
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION, as all readers of this file */
export function readPublish(body: unknown): PublishMessage {
  const [link, first, bundles] = tupleOf('PUBLISH', body, 3);
  return {
    link: integerOf('PUBLISH', 'link', link, 0, maxInteger),
    first: integerOf('PUBLISH', 'first', first, 0, maxInteger),
    bundles: listOf('PUBLISH', 'bundles', bundles, maxFrameBundles, (item) => bundleOf('PUBLISH', item)),
  };
}

export function publishAckBody({ next, unwanted }: PublishAck): unknown {
  return [next, unwanted.slice(0, maxUnwanted)];
}

export function readPublishAck(body: unknown): PublishAck {
  const message = 'PUBLISH_ACK';
  const [next, unwanted] = tupleOf(message, body, 2);
  return {
    next: integerOf(message, 'next', next, 0, maxInteger),
    unwanted: listOf(message, 'unwanted', unwanted, maxUnwanted, (topic) => topicTextOf(message, topic)),
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

/** Answer to SUBSCRIBE and UNSUBSCRIBE. @param born smallest epoch of the publisher's streams */
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
  return [oldest, bundles.map(bundleField)];
}

export function readReplayReply(body: unknown): ReplayReply {
  const message = 'REPLAY_REPLY';
  const [oldest, bundles] = tupleOf(message, body, 2);
  return { oldest: integerOf(message, 'oldest', oldest, 1, maxInteger), bundles: listOf(message, 'bundles', bundles, maxFrameBundles, (item) => bundleOf(message, item)) };
}

export function routeBody({ link, first, targets, waitMs, bundles }: RouteMessage): unknown {
  const targetFields = targets?.map(({ id, addresses }) => [id, addressTexts(addresses, maxTargetAddresses)]);
  return [link, first, targetFields ?? null, waitMs, bundles.map(bundleField)];
}

export function readRoute(body: unknown): RouteMessage {
  const message = 'PUBSUB_ROUTE';
  const [link, first, targets, waitMs, bundles] = tupleOf(message, body, 5);
  return {
    link: integerOf(message, 'link', link, 0, maxInteger),
    first: integerOf(message, 'first', first, 0, maxInteger),
    targets: targets === null ? undefined : listOf(message, 'targets', targets, maxTargets, (item) => targetOf(message, item)),
    waitMs: integerOf(message, 'wait', waitMs, 0, maxWaitMs),
    bundles: listOf(message, 'bundles', bundles, maxFrameBundles, (item) => bundleOf(message, item)),
  };
}

function targetOf(message: string, value: unknown): RouteTarget {
  const [id, addresses] = tupleOf(message, value, 2);
  return {
    id: bytesOf(message, 'node id', id, 32),
    addresses: listOf(message, 'addresses', addresses, maxTargetAddresses, (address) => addressOf(message, 'address', address)),
  };
}

export function routedBody({ next, unwanted, missed }: RouteReply): unknown {
  return [next, unwanted.slice(0, maxUnwanted), missed];
}

export function readRouted(body: unknown): RouteReply {
  const message = 'PUBSUB_ROUTED';
  const [next, unwanted, missed] = tupleOf(message, body, 3);
  return {
    next: integerOf(message, 'next', next, 0, maxInteger),
    unwanted: listOf(message, 'unwanted', unwanted, maxUnwanted, (topic) => topicTextOf(message, topic)),
    missed: listOf(message, 'missed', missed, maxTargets, (index) => integerOf(message, 'missed', index, 0, maxTargets - 1)),
  };
}

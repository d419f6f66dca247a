import { z } from 'zod';
import { count, milliseconds, nodeId, timeoutMs } from './protocol-fields.js';

/** Requests and responses of the control socket about publish/subscribe; the rules are those of protocol.ts. */

const topicText = z.string().min(1).max(255);
const encoding = z.enum(['utf8', 'base64']).describe('How the payload is written');
const qos = z.union([z.literal(0), z.literal(1)]);
const seq = count.describe('Counts the messages of this publisher to this topic with this QoS, from 1 on');
const time = z.iso.datetime().describe('UTC');

export const pubsubPublishRequest = z.object({
  topic: topicText.describe('1 to 8 tokens with dots between'),
  payload: z.string(),
  encoding: encoding.default('utf8'),
  qos: qos.default(0).describe('0: at most once; 1: sent again until every subscriber acknowledged it'),
  requireSubscribers: z.boolean().default(false).describe('Fail when nobody subscribes to the topic'),
  timeoutMs: timeoutMs.default(30_000).describe('How long to wait for acknowledgements, milliseconds'),
});
export type PubSubPublishRequest = z.input<typeof pubsubPublishRequest>;
export type PubSubPublishInput = z.output<typeof pubsubPublishRequest>;

export const pubsubPublishResult = z.object({
  topic: z.string(),
  messageId: z.string().describe('No other message has it'),
  seq,
  qos,
  subscribers: count.describe('Nodes that subscribe to the topic'),
  delivered: count.describe('Those that acknowledged it; with QoS 0 those it is on its way to'),
  durationMs: milliseconds,
});
export type PubSubPublishResult = z.infer<typeof pubsubPublishResult>;

export const pubsubSubscribeRequest = z.object({
  topic: topicText.describe('A topic, or a pattern: * stands for one token, a last > for all the rest'),
  qos: qos.default(1).describe('1: as reliable as the publisher sends; 0: nothing is asked for again'),
  count: z.number().int().min(1).optional().describe('End after so many messages'),
});
export type PubSubSubscribeRequest = z.input<typeof pubsubSubscribeRequest>;
export type PubSubSubscribeInput = z.output<typeof pubsubSubscribeRequest>;

export const pubsubSubscribed = z.object({ event: z.literal('subscribed'), topic: z.string(), qos });
export const pubsubMessage = z.object({
  event: z.literal('message'),
  topic: z.string(),
  payload: z.string(),
  encoding,
  publisher: nodeId,
  seq,
  messageId: z.string(),
  qos,
  sentAt: time.describe('By the clock of the publisher, UTC'),
  receivedAt: time,
});
export type PubSubMessageLine = z.infer<typeof pubsubMessage>;
export const pubsubGap = z.object({
  event: z.literal('gap'),
  topic: z.string(),
  publisher: nodeId,
  qos,
  fromSeq: seq,
  toSeq: seq,
  missed: count,
  reason: z.enum(['lost', 'expired', 'unreachable', 'slow']).describe('lost: not sent a second time (QoS 0); expired: the publisher has them no more; unreachable: it did not answer; slow: they were not read in time'),
});
export type PubSubGapLine = z.infer<typeof pubsubGap>;
/** A line of a subscription: first that it began, then messages, and what was missed. */
export const pubsubEvent = z.union([pubsubSubscribed, pubsubMessage, pubsubGap]);
export type PubSubEventLine = z.infer<typeof pubsubEvent>;

import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import type { Qos } from '../wire/pubsub-messages.js';
import type { GapReason } from './stream-core.js';

export type { Qos } from '../wire/pubsub-messages.js';

export type PubSubSettings = Pick<
  Settings,
  | 'maxFrameBytes' | 'pubsubQueueMessages' | 'pubsubQueueBytes' | 'pubsubOverflow' | 'pubsubBatchBytes' | 'pubsubBatchMessages' | 'pubsubReplayMessages'
  | 'pubsubReplayBytes' | 'pubsubReplayAgeMs' | 'pubsubHeartbeatMs' | 'pubsubAckTimeoutMs' | 'pubsubDeadMs' | 'pubsubRefreshMs' | 'pubsubDiscoveryMs'
  | 'pubsubMaxSubscribers' | 'pubsubMaxTopics' | 'pubsubMaxSubscriptions' | 'pubsubMaxPatterns' | 'pubsubMaxAdvertised' | 'pubsubDirectSubscribers' | 'pubsubLingerMs'
  | 'pubsubMaxForwarded'
>;

/** A message as a subscriber gets it. */
export interface PubSubMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly publisher: NodeId;
  /** Counts the publisher's messages to this topic with this QoS, from 1 on. */
  readonly seq: number;
  /** No other message has it. */
  readonly messageId: string;
  readonly qos: Qos;
  /** The publisher's clock, ISO 8601. */
  readonly sentAt: string;
  /** This node's clock, ISO 8601. */
  readonly receivedAt: string;
}

/** Messages a subscriber did not get. */
export interface PubSubGap {
  readonly topic: string;
  readonly publisher: NodeId;
  readonly qos: Qos;
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly missed: number;
  /**
   * `lost`: not sent a second time (QoS 0); `expired`: the publisher does not have them any more; `unreachable`: the publisher
   * did not answer; `slow`: this subscriber read too slowly.
   */
  readonly reason: GapReason | 'slow';
}

export type PubSubEvent = { readonly type: 'message'; readonly message: PubSubMessage } | { readonly type: 'gap'; readonly gap: PubSubGap };

export interface PublishOptions {
  /** 0 (default): at most once; 1: acknowledged by every subscriber, and sent again until it is. */
  readonly qos?: Qos;
  /** QoS 1: how long to wait for acknowledgements, milliseconds; until all came or the subscribers are gone where absent. */
  readonly timeoutMs?: number;
  /** Fails with MACULA_NO_SUBSCRIBERS when nobody subscribed. */
  readonly requireSubscribers?: boolean;
  /** Aborting it ends the wait for acknowledgements; the message goes on its way all the same. */
  readonly signal?: AbortSignal;
}

/** What became of a message. */
export interface PublishResult {
  readonly topic: string;
  readonly messageId: string;
  readonly seq: number;
  readonly qos: Qos;
  /** Nodes that subscribe to the topic, this one included if a program here does. */
  readonly subscribers: number;
  /** Those that acknowledged it; with QoS 0 those it is on its way to. */
  readonly delivered: number;
  readonly durationMs: number;
}

export interface SubscribeOptions {
  /** 1 (default): as reliable as the publisher sends; 0: nothing is asked for again. */
  readonly qos?: Qos;
  /** Messages that may wait to be read; the setting pubsubQueueMessages where absent. */
  readonly queueMessages?: number;
  /** What happens when more would wait: the oldest are dropped and told as a gap (default), or the subscription ends. */
  readonly overflow?: 'drop-oldest' | 'disconnect';
  /** Aborting it ends the subscription. */
  readonly signal?: AbortSignal;
  /** Called for messages that were missed, when that is found out. */
  readonly onGap?: (gap: PubSubGap) => void;
}

/** Counters of publish/subscribe since start, and what there is now. */
export interface PubSubStats {
  readonly subscriptions: number;
  readonly topics: number;
  readonly subscribers: number;
  readonly publishers: number;
  /** Messages and bytes that wait for subscribers. */
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly published: number;
  readonly bundlesSigned: number;
  readonly framesSent: number;
  readonly messagesSent: number;
  readonly messagesAcknowledged: number;
  /** By reason: a full queue, a lost connection (QoS 0), a subscriber that is gone. */
  readonly messagesDropped: Readonly<Record<DropReason, number>>;
  readonly messagesReceived: number;
  readonly messagesDelivered: number;
  readonly duplicates: number;
  readonly gaps: number;
  readonly messagesMissed: number;
  readonly replaysAsked: number;
  readonly replaysServed: number;
  readonly subscribersLost: number;
  /** Subscribers through which others are sent to now, and how often one failed to pass on. */
  readonly delegates: number;
  readonly delegatesLost: number;
  /** Messages of other publishers passed on and acknowledged, once for each node. */
  readonly messagesForwarded: number;
  /** Messages of peers refused, by reason. */
  readonly refused: Readonly<Record<RefusalReason, number>>;
}

export type DropReason = 'overflow' | 'connection' | 'gone';
export type RefusalReason = 'limit' | 'signature' | 'foreign' | 'order';

export interface PubSubEvents {
  /** A node subscribed here for the first time. */
  subscriberAdded: { nodeId: NodeId };
  /** `unsubscribed`: it said so; `dead`: it acknowledged nothing for too long; `overflow`: its queue was full and the setting says so. */
  subscriberRemoved: { nodeId: NodeId; reason: 'unsubscribed' | 'dead' | 'overflow' };
  /** Messages for a subscriber were dropped. */
  dropped: { nodeId: NodeId; topic: string; messages: number; reason: DropReason };
  gap: PubSubGap;
  /** Messages of another node were delivered here. `latencyMs`: since they were published, by the publisher's clock; 0 where that is ahead. */
  delivered: { publisher: NodeId; topic: string; messages: number; latencyMs: number };
  /** It is known of every subscriber whether it acknowledged a message published here (QoS 1). */
  settled: { topic: string; subscribers: number; acknowledged: number; durationMs: number };
}

/** Plain counters; whoever counts adds to them. */
export class PubSubCounters {
  published = 0;
  bundlesSigned = 0;
  framesSent = 0;
  messagesSent = 0;
  messagesAcknowledged = 0;
  readonly messagesDropped: Record<DropReason, number> = { overflow: 0, connection: 0, gone: 0 };
  messagesReceived = 0;
  messagesDelivered = 0;
  duplicates = 0;
  gaps = 0;
  messagesMissed = 0;
  replaysAsked = 0;
  replaysServed = 0;
  subscribersLost = 0;
  delegatesLost = 0;
  readonly refused: Record<RefusalReason, number> = { limit: 0, signature: 0, foreign: 0, order: 0 };
}

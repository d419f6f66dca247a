import type { PubSubGapLine, PubSubMessageLine, PubSubPublishResult } from '../lib/control/protocol-pubsub.js';
import { humanMs, printable, printableLines, shortId } from './text.js';

/** What became of a message, as a line. */
export function publishedText({ topic, subscribers, delivered, qos, messageId, durationMs }: PubSubPublishResult): string {
  const what = qos === 1 ? `acknowledged by ${delivered} of ${subscribers} subscribers` : `on its way to ${delivered} subscribers`;
  return `published to ${printable(topic)}: ${subscribers === 0 ? 'nobody subscribes to it' : what}, in ${humanMs(durationMs)} (${messageId})`;
}

/** A message as people read it. */
export function messageText({ topic, payload, publisher, seq }: PubSubMessageLine): string {
  return `[${printable(topic)}] ${shortId(publisher)} #${seq}: ${printableLines(payload)}`;
}

/** Missed messages as a line. */
export function gapText({ topic, publisher, fromSeq, toSeq, missed, reason }: PubSubGapLine): string {
  const why = { lost: 'lost on the way', expired: 'too old to be sent again', unreachable: 'the publisher does not answer', slow: 'read too slowly' }[reason];
  const which = fromSeq === toSeq ? `#${fromSeq}` : `#${fromSeq} to #${toSeq}`;
  return `[${printable(topic)}] ${shortId(publisher)}: ${missed} missed, ${which}: ${why}`;
}

import { string } from '@oclif/core/args';
import { option } from '@oclif/core/flags';
import { described } from './flags.js';

/** How long `pubsub publish` waits for acknowledgements. */
export const publishTimeoutMs = 30_000;

/** Arguments that name a topic or pattern; the node judges it. */
export const topicArgument = string({ description: '1 to 8 tokens with dots between', required: true, ignoreStdin: true });
export const patternArgument = string({ description: 'A topic, or a pattern: * stands for one token, a last > for all the rest', required: true, ignoreStdin: true });

/** The `--qos` flag. */
export function qosFlag(about: string, defaultQos: '0' | '1') {
  return option({ description: described(about), options: ['0', '1'] as const, default: defaultQos })();
}

/** What a `--qos` flag says. */
export function qosOf(flag: string): 0 | 1 {
  return flag === '1' ? 1 : 0;
}

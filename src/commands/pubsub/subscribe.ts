import { boolean, integer } from '@oclif/core/flags';
import { ClientCommand } from '../../cli/client-command.js';
import { given } from '../../cli/dht-arguments.js';
import { described, duration } from '../../cli/flags.js';
import { patternArgument, qosFlag, qosOf } from '../../cli/pubsub-arguments.js';
import { gapText, messageText } from '../../cli/pubsub-text.js';
import { printable } from '../../cli/text.js';
import { bytesOfValue } from '../../cli/value-argument.js';
import type { PubSubEventLine } from '../../lib/control/protocol-pubsub.js';
import { MaculaError } from '../../lib/base/errors.js';

export default class PubSubSubscribeCommand extends ClientCommand {
  static override summary = 'Print the messages to a topic, or to all that match a pattern, as they come';
  static override description = 'Goes on until Ctrl-C, or until --count messages came. Says on stderr when it has subscribed. With --json, messages that were missed are lines with "event":"gap".';
  static override examples = [
    { description: 'One topic', command: '<%= config.bin %> <%= command.id %> weather.zurich' },
    { description: 'The second token may be any, and everything behind it', command: "<%= config.bin %> <%= command.id %> 'weather.*.alerts.>'" },
    { description: 'The bytes of the next message, and no more', command: '<%= config.bin %> <%= command.id %> pictures --count 1 --raw > picture.png' },
  ];
  static override args = { topic: patternArgument };
  static override flags = {
    count: integer({ char: 'c', description: described('End after so many messages'), min: 1, helpValue: '<n>' }),
    raw: boolean({ description: described('Write the exact bytes of the messages and nothing else'), exclusive: ['json'] }),
    qos: qosFlag('1: as reliable as the publisher sends; 0: nothing is asked for again', '1'),
    timeout: duration({ description: described('How long to go on at most; for ever where absent') }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PubSubSubscribeCommand);
    const late = new AbortController();
    const timer = flags.timeout === undefined ? undefined : setTimeout(() => late.abort(), flags.timeout);
    const signal = AbortSignal.any([this.signal, late.signal]);
    const request = { topic: args.topic, qos: qosOf(flags.qos), ...given({ count: flags.count }) };
    let messages = 0;
    try {
      await this.withClient(flags, async (client) => {
        for await (const event of client.pubsubSubscribe(request, signal)) {
          if (event.event === 'message') messages++;
          this.#print(event, flags.raw);
        }
      });
    } catch (error) {
      if (!late.signal.aborted || this.signal.aborted) throw error;
      if (flags.count === undefined) return;
      throw new MaculaError('MACULA_TIMED_OUT', `${messages} of ${flags.count} messages came in time`, { details: { messages, count: flags.count }, hint: 'Give it longer with --timeout, or check the topic.' });
    } finally {
      clearTimeout(timer);
    }
    this.signal.throwIfAborted();
  }

  #print(event: PubSubEventLine, raw: boolean): void {
    switch (event.event) {
      case 'subscribed':
        if (!raw) this.output.remark(`subscribed to ${printable(event.topic)}`);
        return;
      case 'message':
        if (raw) return this.output.bytes(bytesOfValue({ value: event.payload, encoding: event.encoding }));
        return this.output.result(event, () => messageText(event));
      case 'gap':
        if (raw || !this.output.json) return this.output.warn(gapText(event));
        return this.output.object(event);
    }
  }
}

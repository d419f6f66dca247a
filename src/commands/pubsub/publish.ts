import { string } from '@oclif/core/args';
import { boolean } from '@oclif/core/flags';
import { ClientCommand } from '../../cli/client-command.js';
import { described, timeoutFlag } from '../../cli/flags.js';
import { publishTimeoutMs, qosFlag, qosOf, topicArgument } from '../../cli/pubsub-arguments.js';
import { publishedText } from '../../cli/pubsub-text.js';
import { readValue } from '../../cli/value-argument.js';

export default class PubSubPublishCommand extends ClientCommand {
  static override summary = 'Publish a message to all who subscribe to a topic';
  static override description = 'Exits with 8 when not every subscriber acknowledged a message with --qos 1, and with 4 when --require-subscribers is given and there is none.';
  static override examples = [
    { description: 'At most once', command: '<%= config.bin %> <%= command.id %> weather.zurich rain' },
    { description: 'Sent again until every subscriber has acknowledged it', command: '<%= config.bin %> <%= command.id %> orders.new @/etc/hosts --qos 1' },
    { description: 'What a program prints', command: 'date | <%= config.bin %> <%= command.id %> clock -' },
  ];
  static override args = {
    topic: topicArgument,
    message: string({ description: 'The message, @file for the content of a file, or - for stdin; at most 1 MiB, empty where absent', ignoreStdin: true }),
  };
  static override flags = {
    qos: qosFlag('0: at most once; 1: acknowledged by every subscriber', '0'),
    'require-subscribers': boolean({ description: described('Fail when nobody subscribes to the topic') }),
    timeout: timeoutFlag('How long to wait for acknowledgements', publishTimeoutMs),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PubSubPublishCommand);
    const timeoutMs = this.timeoutMs(flags.timeout, publishTimeoutMs);
    const { value, encoding } = await readValue(args.message ?? '', () => process.stdin);
    const request = { topic: args.topic, payload: value, encoding, qos: qosOf(flags.qos), requireSubscribers: flags['require-subscribers'], timeoutMs };
    const result = await this.withClient(flags, (client) => client.pubsubPublish(request, this.signal));
    this.output.result(result, () => publishedText(result));
  }
}

// A sensor that publishes readings, and a display that subscribes to all sensors: two nodes in one process, to try it at once.
// Run it with: node --import tsx examples/sensor-feed.ts DIRECTORY
import { join } from 'node:path';
import { MaculaNode } from 'macula';

const directory = process.argv[2] ?? 'sensor-feed-data';
const common = { host: '127.0.0.1', quicPort: 0, mdns: false, metrics: false, realm: 'sensor-feed' };

const sensor = new MaculaNode({ ...common, dataDir: join(directory, 'sensor') });
await sensor.start();
const display = new MaculaNode({ ...common, dataDir: join(directory, 'display'), bootstrapUrl: [`https://127.0.0.1:${sensor.listen[0]!.port}`] });
await display.start();
await display.peers.startPeer(`https://127.0.0.1:${sensor.listen[0]!.port}`);

// Any room, and only what is called temperature.
const readings = display.pubsub.subscribe('sensors.*.temperature', { onGap: ({ topic, missed }) => console.warn(`${missed} readings of ${topic} missed`) });
await display.pubsub.ready(readings);

const feed = (async () => {
  for (let reading = 1; reading <= 5; reading++) {
    const celsius = 20 + reading / 2;
    // Only the newest reading matters, so at most once will do; an alarm is another matter.
    await sensor.pubsub.publish('sensors.kitchen.temperature', JSON.stringify({ celsius }));
    if (celsius > 22) await sensor.pubsub.publish('sensors.kitchen.alarm', 'too warm', { qos: 1 });
  }
})();

let shown = 0;
for await (const { topic, payload, seq } of readings) {
  const { celsius } = JSON.parse(Buffer.from(payload).toString('utf8')) as { celsius: number };
  console.log(`${topic} #${seq}: ${celsius} °C`);
  if (++shown === 5) break;
}
await feed;
await Promise.all([display.stop(), sensor.stop()]);

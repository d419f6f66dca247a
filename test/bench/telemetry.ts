import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { silentLogger } from '../../src/lib/base/logger.js';
import { Metrics } from '../../src/lib/observability/metrics.js';
import { logTelemetry } from '../../src/lib/observability/telemetry-log.js';
import { Telemetry } from '../../src/lib/observability/telemetry.js';
import { constantSources } from '../unit/observability/metric-fixtures.js';

// What an event of telemetry costs: with nobody listening, with metrics and logs as a node has them, and with a subscriber.
const events = 1_000_000;
const runs = 5;

const lookup = (telemetry: Telemetry): void => telemetry.publish('dht:operation', { operation: 'get', outcome: 'found', durationMs: 1.5, source: 'network', hops: 2, queried: 5 });
const call = (telemetry: Telemetry): void => telemetry.publish('rpc:called', { procedure: 'sum', outcome: 'succeeded', streamed: false, durationMs: 1.5 });

function nanosecondsPerEvent(telemetry: Telemetry, publish = lookup): number {
  const times = Array.from({ length: runs }, () => {
    const startMs = performance.now();
    for (let i = 0; i < events; i++) publish(telemetry);
    return ((performance.now() - startMs) * 1e6) / events;
  });
  return times.sort((a, b) => a - b)[Math.floor(runs / 2)]!;
}

function show(name: string, nanoseconds: number): void {
  console.log(`${name.padEnd(44)} ${nanoseconds.toFixed(0).padStart(6)} ns an event`);
}

const alone = new Telemetry({ node: () => 'a' });
show('nobody listens', nanosecondsPerEvent(alone));

const asInANode = new Telemetry({ node: () => 'a' });
const metrics = new Metrics({ sources: constantSources(() => 1), telemetry: asInANode }, { version: '0' });
logTelemetry(asInANode, silentLogger);
show('metrics and logs, as in a node', nanosecondsPerEvent(asInANode));
show('the same for a call', nanosecondsPerEvent(asInANode, call));

let heard = 0;
const listen = (): void => void heard++;
subscribe('macula:dht:operation', listen);
show('a subscriber of the diagnostics channel', nanosecondsPerEvent(alone));
unsubscribe('macula:dht:operation', listen);

const startMs = performance.now();
for (let i = 0; i < 100; i++) await metrics.render();
console.log(`${'a page of metrics'.padEnd(44)} ${((performance.now() - startMs) / 100).toFixed(2).padStart(6)} ms`);
if (heard !== runs * events) throw new Error('the subscriber missed events');

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect } from 'chai';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { logTelemetry } from '../../../src/lib/observability/telemetry-log.js';
import { Telemetry } from '../../../src/lib/observability/telemetry.js';

const event = { nodeId: 'b', forMs: 1000 };

describe('telemetry', () => {
  it('tells an event to its listeners alone', () => {
    const telemetry = new Telemetry({ node: () => 'a' });
    const heard: unknown[] = [];
    telemetry.on('pool:excluded', (told) => heard.push(told));
    telemetry.on('pool:opened', (told) => heard.push(told));
    telemetry.publish('pool:excluded', event);
    expect(heard).to.deep.equal([event]);
  });

  it('publishes on the diagnostics channel of that name, with the node it comes from', () => {
    const telemetry = new Telemetry({ node: () => 'a' });
    const heard: unknown[] = [];
    const listen = (message: unknown): void => void heard.push(message);
    expect(telemetry.wants('pool:excluded')).to.equal(false);
    subscribe('macula:pool:excluded', listen);
    try {
      expect(telemetry.wants('pool:excluded')).to.equal(true);
      telemetry.publish('pool:excluded', event);
    } finally {
      unsubscribe('macula:pool:excluded', listen);
    }
    telemetry.publish('pool:excluded', event);
    expect(heard).to.deep.equal([{ node: 'a', ...event }]);
  });

  it('becomes lines of the log', () => {
    const telemetry = new Telemetry({ node: () => 'a' });
    const lines: unknown[] = [];
    logTelemetry(telemetry, { ...silentLogger, info: (message, fields) => void lines.push([message, fields]) });
    telemetry.publish('pool:excluded', event);
    expect(lines).to.deep.equal([['peer left alone after failures', event]]);
  });
});

import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import { StunClient } from '../../../src/lib/nat/stun-client.js';
import { bindingMethod, decodeStun, encodeStun } from '../../../src/lib/nat/stun-message.js';
import { settle, VirtualClock } from '../../support/virtual-clock.js';

const server = { host: '192.0.2.1', port: 3478 };
const mapped = { host: '198.51.100.7', port: 40_000 };

describe('a STUN client', () => {
  let clock: VirtualClock;
  let sentMs: number[];
  let transactions: string[];
  let client: StunClient;

  beforeEach(() => {
    clock = new VirtualClock();
    sentMs = [];
    transactions = [];
    const send = (bytes: Uint8Array): boolean => {
      sentMs.push(clock.nowMs());
      transactions.push(decodeStun(bytes)!.transactionId);
      return true;
    };
    client = new StunClient({ clock, random: seededRandom(1), socket: { send } });
  });

  const answerTo = (transactionId: string): Uint8Array => encodeStun({ class: 'success', method: bindingMethod, transactionId, xorMappedAddress: mapped });

  it('asks four times with doubling pauses, always in the same transaction, and then gives up', async () => {
    const asked = client.request(server);
    await clock.advanceAsync(10_000);
    expect(await asked).to.equal(undefined);
    expect(sentMs).to.deep.equal([0, 250, 750, 1750]);
    expect(new Set(transactions).size).to.equal(1);
    expect(clock.pendingTimers).to.equal(0);
  });

  it('takes the answer, tells the round trip since the last try, and asks no more', async () => {
    const asked = client.request(server);
    await clock.advanceAsync(300);
    expect(client.take(answerTo(transactions[0]!), server)).to.equal(true);
    expect(await asked).to.deep.include({ from: server, rttMs: 50 });
    expect(client.take(answerTo(transactions[0]!), server)).to.equal(false);
    expect(clock.pendingTimers).to.equal(0);
  });

  it('takes nothing of another transaction, and no garbage', async () => {
    void client.request(server);
    expect([client.take(answerTo('ff'.repeat(12)), server), client.take(Buffer.from('garbage'), server), client.take(Buffer.alloc(0), server)]).to.deep.equal([false, false, false]);
    client.close();
  });

  it('gives up at once when it is told to, when it is closed, and where nothing can be sent', async () => {
    const controller = new AbortController();
    const outcomes: unknown[] = [];
    for (const asked of [client.request(server, { signal: controller.signal }), client.request(server), client.request(server, { signal: AbortSignal.abort() })]) void asked.then((answer) => outcomes.push(answer));
    controller.abort();
    client.close();
    const mute = new StunClient({ clock, random: seededRandom(2), socket: { send: () => false } });
    void mute.request(server).then((answer) => outcomes.push(answer));
    await settle();
    expect(outcomes).to.deep.equal([undefined, undefined, undefined, undefined]);
    expect(clock.pendingTimers).to.equal(0);
  });
});

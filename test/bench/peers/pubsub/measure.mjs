import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';

// One system: this process publishes, two others subscribe. Prints its figures as one line of JSON.
const [system, role] = process.argv.slice(2);
const { publisher, subscribe } = await import(`./${system}.mjs`);
const subscribersEach = 5;
const payloadBytes = 100;
const perSecond = 200;
const steadyMessages = 1000;
const warmUpMs = 1500;
const rateMs = 3000;
/** So far may the publisher be ahead of the slowest subscriber: all systems are held back alike, and by nothing else but what they do themselves. */
const window = 1000;
/** Processes of subscribers report each time all of theirs have so many more. */
const step = 100;
/** What made no progress for so long is lost. */
const patienceMs = 3000;

/** The machine's monotonic clock, which all processes read, ms. */
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

function percentile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor(sorted.length * share)];
}

/** Subscribers: tell how many messages all of them have, and on request the latencies since the last request. */
async function subscribers() {
  const counts = new Array(subscribersEach).fill(0);
  let [told, latencies] = [0, []];
  const heard = (index, payload) => {
    if (payload.length !== payloadBytes) throw new Error(`a message of ${payload.length} bytes`);
    latencies.push(nowMs() - Buffer.from(payload.buffer, payload.byteOffset, 8).readDoubleBE(0));
    counts[index]++;
    if (counts[index] % step > 0) return;
    const all = Math.min(...counts);
    if (all >= told + step) process.send({ received: (told = all - (all % step)) });
  };
  process.on('disconnect', () => process.exit());
  process.on('message', async ({ address }) => {
    if (address === undefined) {
      process.send({ latencies, counts });
      latencies = [];
      return;
    }
    for (let index = 0; index < subscribersEach; index++) await subscribe(address, (payload) => heard(index, payload));
    process.send({ received: 0 });
  });
}

class Crowd {
  #children;
  #received;
  #progress = () => undefined;
  #publish;
  #sent = 0;

  constructor(children, publish) {
    this.#children = children;
    this.#received = children.map(() => 0);
    this.#publish = publish;
    children.forEach((child, index) =>
      child.on('message', ({ received }) => {
        if (received === undefined) return;
        this.#received[index] = received;
        this.#progress();
      }),
    );
  }

  get sent() {
    return this.#sent;
  }

  send() {
    const payload = Buffer.alloc(payloadBytes, 7);
    payload.writeDoubleBE(nowMs(), 0);
    this.#sent++;
    this.#publish(payload);
  }

  /** Resolves once all subscribers have so many messages: whether they got them before nothing came for too long. */
  async reached(count) {
    while (Math.min(...this.#received) < count) {
      const timer = new AbortController();
      const moved = await Promise.race([new Promise((resolve) => (this.#progress = () => resolve(true))), wait(patienceMs, false, { signal: timer.signal })]);
      timer.abort();
      if (!moved) return false;
    }
    return true;
  }

  /** Publishes as fast as subscribers take it, for some time; resolves when they have all. Milliseconds and processor time of each. */
  async full(forMs) {
    const [startMs, cpu, before] = [nowMs(), process.cpuUsage(), this.#sent];
    while (nowMs() - startMs < forMs) {
      for (let count = 0; count < step; count++) this.send();
      await turn();
      if (!(await this.reached(this.#sent - window))) break;
    }
    const messages = this.#sent - before;
    if (!(await this.reached(this.#sent))) return { rate: undefined, cpuPerMessage: undefined };
    const { user, system: inSystem } = process.cpuUsage(cpu);
    return { rate: (messages / (nowMs() - startMs)) * 1000, cpuPerMessage: (user + inSystem) / messages };
  }

  /** Publishes at a steady rate; latencies of the deliveries, ms. */
  async steady(rate, messages) {
    await this.#told();
    const [startMs, before] = [nowMs(), this.#sent];
    for (let due = 0; due < messages; ) {
      due = Math.min(messages, Math.floor(((nowMs() - startMs) / 1000) * rate));
      while (this.#sent - before < due) this.send();
      await wait(1);
    }
    await this.reached(this.#sent);
    return (await this.#told()).flatMap(({ latencies }) => latencies);
  }

  /** Deliveries that did not come. */
  async lost() {
    return (await this.#told()).flatMap(({ counts }) => counts).reduce((sum, count) => sum + this.#sent - count, 0);
  }

  #told() {
    return Promise.all(
      this.#children.map((child) => {
        const told = new Promise((resolve) => {
          const listener = (message) => {
            if (!message.latencies) return;
            child.off('message', listener);
            resolve(message);
          };
          child.on('message', listener);
        });
        child.send({});
        return told;
      }),
    );
  }
}

async function measure(children) {
  const { address, publish, ready } = await publisher(children.length * subscribersEach);
  for (const child of children) {
    child.send({ address });
    await once(child, 'message');
  }
  await ready();
  const crowd = new Crowd(children, publish);
  await crowd.full(warmUpMs);
  const steady = await crowd.steady(perSecond, steadyMessages);
  const full = await crowd.full(rateMs);
  const halfRate = full.rate / 2;
  const half = full.rate === undefined ? [] : await crowd.steady(halfRate, Math.ceil((halfRate * 2) / step) * step);
  return { steadyP50: percentile(steady, 0.5), steadyP99: percentile(steady, 0.99), ...full, halfP50: percentile(half, 0.5), halfP99: percentile(half, 0.99), lost: await crowd.lost(), sent: crowd.sent };
}

if (role === 'subscribe') await subscribers();
else {
  const children = [0, 1].map(() => fork(import.meta.filename, [system, 'subscribe'], { execArgv: process.execArgv, serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
  for (const child of children) child.on('exit', () => process.exit(1));
  const figures = await measure(children);
  for (const child of children) {
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
  }
  process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit());
}

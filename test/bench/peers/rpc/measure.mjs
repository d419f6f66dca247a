import { fork } from 'node:child_process';
import { once } from 'node:events';

// One system: this process asks, another one answers. Prints its figures as one line of JSON.
const [system, role] = process.argv.slice(2);
const { serve, connector } = await import(`./${system}.mjs`);
const body = Buffer.alloc(100, 7);
const connects = 15;
// Of 200 requests most ran in code that was not compiled yet, of which whole nodes have the most: the first thousand took twice what
// later ones do. Also, a processor of a virtual machine goes to rest between requests only after some thousands of them.
const warmUps = 5000;
const sequential = 3000;
const atOnce = 64;
const rateMs = 1500;
const bulkBytes = 32 * 1024 * 1024;

function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * share)];
}

async function timed(work) {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

async function checked(peer) {
  const reply = await peer.ask(body);
  if (reply.length !== body.length) throw new Error(`a reply of ${reply.length} bytes`);
}

async function manyTimes(count, work) {
  const times = [];
  while (times.length < count) times.push(await timed(work));
  return times;
}

/** Asks for some time with 64 under way; the first third is to warm up. */
async function rateOf(peer) {
  const endsMs = performance.now() + rateMs * 1.5;
  let answered = 0;
  let [startMs, cpu] = [0, undefined];
  const worker = async () => {
    while (performance.now() < endsMs) {
      await peer.ask(body);
      if (cpu) answered++;
      else if (performance.now() > endsMs - rateMs) [startMs, cpu] = [performance.now(), process.cpuUsage()];
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const { user, system: inSystem } = process.cpuUsage(cpu);
  return { rate: (answered / (performance.now() - startMs)) * 1000, cpuPerRequest: (user + inSystem) / answered };
}

async function measure(address) {
  const connect = await connector(address);
  const connectTimes = [];
  for (let count = 0; count < connects; count++) {
    let peer;
    connectTimes.push(await timed(async () => checked((peer = await connect()))));
    await peer.close();
  }
  const peer = await connect();
  await rateOf(peer);
  await manyTimes(warmUps, () => checked(peer));
  const times = await manyTimes(sequential, () => peer.ask(body));
  const rates = await rateOf(peer);
  const bulk = peer.bulk ? bulkBytes / 1e3 / (await timed(() => peer.bulk(bulkBytes))) : undefined;
  return { connectP50: percentile(connectTimes, 0.5), sequentialP50: percentile(times, 0.5), sequentialP99: percentile(times, 0.99), ...rates, bulk };
}

if (role === 'serve') {
  process.on('disconnect', () => process.exit());
  process.send(await serve());
} else {
  const server = fork(import.meta.filename, [system, 'serve'], { execArgv: process.execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  server.on('exit', () => process.exit(1));
  const [address] = await once(server, 'message');
  const figures = await measure(address);
  server.removeAllListeners('exit');
  server.kill('SIGKILL');
  process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit());
}

// A calculator that one node serves and another one calls: plain calls, errors by status, results that stream, input that streams.
// Two nodes in one process, to try it at once. Run it with: node --import tsx examples/calculator.ts DIRECTORY
import { join } from 'node:path';
import { MaculaError, MaculaNode, procedureError } from 'macula';

const directory = process.argv[2] ?? 'calculator-data';
const common = { host: '127.0.0.1', quicPort: 0, mdns: false, metrics: false, realm: 'calculator' };

const server = new MaculaNode({ ...common, dataDir: join(directory, 'server') });
await server.start();

// One result for one call.
await server.rpc.register('calculator.divide', ({ a, b }: { a: number; b: number }) => {
  if (b === 0) throw procedureError('INVALID_ARGUMENT', 'nothing can be divided by zero', { a });
  return a / b;
});

// Many results for one call: a generator. It makes the next one only when the caller takes it, and ends when the caller leaves.
await server.rpc.register('calculator.primes', async function* (from: number) {
  for (let n = Math.max(2, from); ; n++) {
    let divisor = 2;
    while (divisor * divisor <= n && n % divisor !== 0) divisor++;
    if (divisor * divisor > n) yield n;
  }
});

// One result for a stream of input.
await server.rpc.register('calculator.mean', async (_args, { input }) => {
  let [sum, count] = [0, 0];
  for await (const value of input) {
    sum += Number(value);
    count++;
  }
  if (count === 0) throw procedureError('FAILED_PRECONDITION', 'there is no mean of nothing');
  return sum / count;
});

// A result for each value as it comes.
await server.rpc.register('calculator.total', async function* (start: number, { input }) {
  let total = start;
  for await (const value of input) yield (total += Number(value));
});

const client = new MaculaNode({ ...common, dataDir: join(directory, 'client'), bootstrapUrl: [`https://127.0.0.1:${server.listen[0]!.port}`] });
await client.start();
await client.peers.startPeer(`https://127.0.0.1:${server.listen[0]!.port}`);

console.log(`7 / 2 = ${await client.rpc.call<number>('calculator.divide', { a: 7, b: 2 })}`);
try {
  await client.rpc.call('calculator.divide', { a: 7, b: 0 });
} catch (error) {
  const { message, details } = MaculaError.from(error);
  console.log(`7 / 0: ${String(details.status)}, ${message}`);
}

const primes: number[] = [];
for await (const prime of await client.rpc.callStream<number>('calculator.primes', 100)) {
  if (primes.push(prime) === 5) break;
}
console.log(`primes from 100: ${primes.join(', ')}`);

const mean = await client.rpc.callStream<number>('calculator.mean');
for (const value of [1, 2, 3, 4]) await mean.write(value);
mean.end();
for await (const value of mean) console.log(`mean of 1 to 4: ${value}`);

const nothing = await client.rpc.callStream('calculator.mean');
nothing.end();
const { status, error } = await nothing.finished;
console.log(`mean of nothing: ${status}, ${error?.message}`);

const total = await client.rpc.callStream<number>('calculator.total', 10);
const totals = total[Symbol.asyncIterator]();
for (const value of [5, -3]) {
  await total.write(value);
  const { value: sum } = await totals.next();
  console.log(`total after ${value}: ${sum}`);
}
total.end();
console.log(`total: ${(await total.finished).status}`);

await Promise.all([client.stop(), server.stop()]);

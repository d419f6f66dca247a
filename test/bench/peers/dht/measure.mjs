import { measureDht } from '../../dht-workload.ts';

// One system in a process of its own: prints its figures as one line of JSON.
const { startNetwork } = await import(`./${process.argv[2]}.mjs`);
const network = await startNetwork(35, 15);
const figures = await measureDht(network, { single: 50, atOnce: 100, joins: 5, afterLoss: 20 });
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit());

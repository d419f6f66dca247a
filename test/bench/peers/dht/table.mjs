export const title = 'DHT of 50 nodes, 64-byte values';
export const systems = ['macula', 'hyperdht', 'bittorrent-dht'];
/** What is shown of the figures that measure.mjs prints: a heading, then names of figures. */
export const rows = [
  ['put p50 / p99, ms', 'putP50', 'putP99'],
  ['requests a put', 'requestsPerPut'],
  ['get p50 / p99, ms', 'getP50', 'getP99'],
  ['cached get p50 / p99, ms', 'cachedP50', 'cachedP99'],
  ['join and get p50 / longest, ms', 'joinP50', 'joinMax'],
  ['100 puts at once by one node, a second', 'putsPerSecond'],
  ['processor time of each, ms', 'cpuPerPut'],
  ['of these 100 puts, failed', 'putsFailed'],
  ['100 gets at once by one node, a second', 'getsPerSecond'],
  ['processor time of each, ms', 'cpuPerGet'],
  ['put p50 / p99 after 30 % were lost, ms', 'lossPutP50', 'lossPutP99'],
];

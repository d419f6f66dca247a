export const title = 'requests and replies of 100 bytes between two processes';
export const systems = ['macula', 'udp', 'hyperdht', 'iroh', 'libp2p', 'grpc'];
/** What is shown of the figures that measure.mjs prints: a heading, then names of figures. */
export const rows = [
  ['connect and first request p50, ms', 'connectP50'],
  ['one after another p50 / p99, ms', 'sequentialP50', 'sequentialP99'],
  ['64 at once, a second', 'rate'],
  ['the same, processor time of the asking process for each, µs', 'cpuPerRequest'],
  ['stream one way, MB/s', 'bulk'],
];
/** Goals: a figure of macula's as a multiple of a peer's in the same round, at most or at least so large. */
export const targets = [
  { figure: 'connectP50', peer: 'hyperdht', most: 0.6 },
  { figure: 'connectP50', peer: 'iroh', most: 1 },
  { figure: 'sequentialP50', peer: 'udp', most: 3 },
  { figure: 'sequentialP50', peer: 'grpc', most: 0.4 },
  { figure: 'rate', peer: 'hyperdht', least: 1 },
  { figure: 'rate', peer: 'libp2p', least: 10 },
  { figure: 'rate', peer: 'grpc', least: 8 },
  { figure: 'bulk', peer: 'hyperdht', least: 1 },
];
/** What takes longer hangs. */
export const limitMs = 60_000;

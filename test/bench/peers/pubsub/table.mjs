export const title = 'one publisher, ten subscribers in two other processes, messages of 100 bytes';
export const systems = ['macula', 'gossipsub', 'hyperdht'];
/** What is shown of the figures that measure.mjs prints: a heading, then names of figures. */
export const rows = [
  ['delivery at 200 messages a second p50 / p99, ms', 'steadyP50', 'steadyP99'],
  ['full rate, messages a second, each to all ten', 'rate'],
  ['the same, processor time of the publishing process for each message, µs', 'cpuPerMessage'],
  ['delivery at half of its own full rate p50 / p99, ms', 'halfP50', 'halfP99'],
  ['deliveries that never came, in all', 'lost'],
];
/** Goals: a figure of macula's as a multiple of a peer's in the same round, or by itself where no peer is named, at most or at least so large. */
export const targets = [
  { figure: 'rate', peer: 'gossipsub', least: 2 },
  { figure: 'halfP99', most: 50 },
];
/** What takes longer hangs. */
export const limitMs = 120_000;

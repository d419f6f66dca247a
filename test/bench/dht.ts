import { report } from './harness.js';
import { startDhtMesh } from './dht-mesh.js';
import { measureDht } from './dht-workload.js';

// 50 nodes with default settings on loopback, 15 of them in a process of their own that is killed (-9) for the last rows.
const mesh = await startDhtMesh(35, 15);
const figures = await measureDht(mesh, { single: 100, atOnce: 500, joins: 10, afterLoss: 50 });
await mesh.close();
await report('dht', [
  { what: 'put of 64 bytes, 20 replicas on disk, one after another, p50', value: figures.putP50, unit: 'ms' },
  { what: 'the same, p99', value: figures.putP99, unit: 'ms' },
  { what: 'requests sent for a put, with what the mesh sends by itself', value: figures.requestsPerPut, unit: 'requests', target: '≤ 45', met: figures.requestsPerPut <= 45 },
  { what: 'get of a cached value, p50', value: figures.cachedP50, unit: 'ms', target: '< 1 ms', met: figures.cachedP50 < 1 },
  { what: 'the same, p99', value: figures.cachedP99, unit: 'ms' },
  { what: 'get through the network by a node of the mesh, p50', value: figures.getP50, unit: 'ms' },
  { what: 'the same, p99', value: figures.getP99, unit: 'ms' },
  { what: 'a new node joins and gets, p50', value: figures.joinP50, unit: 'ms' },
  { what: 'the same, longest', value: figures.joinMax, unit: 'ms' },
  { what: '500 puts at once by one node', value: figures.putsPerSecond, unit: '/s', target: '≥ 500/s', met: figures.putsPerSecond >= 500 },
  { what: 'processor time of each, of the 35 nodes in one process together', value: figures.cpuPerPut, unit: 'ms' },
  { what: 'of these 500 puts, failed', value: figures.putsFailed, unit: 'puts' },
  { what: '500 gets at once by one node', value: figures.getsPerSecond, unit: '/s' },
  { what: 'processor time of each, likewise', value: figures.cpuPerGet, unit: 'ms' },
  { what: 'put right after 30 % of the nodes were killed, p50', value: figures.lossPutP50, unit: 'ms', target: '< 300 ms', met: figures.lossPutP50 < 300 },
  { what: 'the same, p99', value: figures.lossPutP99, unit: 'ms' },
]);

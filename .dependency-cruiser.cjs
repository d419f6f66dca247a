// The walls between the rooms of src/lib (docs/ARCHITECTURE.md). Each room lists the rooms it may enter.
const rooms = {
  base: [],
  config: ['base'],
  identity: ['base'],
  wire: ['base'],
  store: ['base'],
  transport: ['base', 'config', 'identity', 'wire'],
  session: ['base', 'config', 'identity', 'wire', 'transport'],
  peers: ['base', 'config', 'identity', 'wire', 'session'],
  pool: ['base', 'config', 'identity', 'wire', 'session'],
  dht: ['base', 'config', 'identity', 'wire', 'session'],
  nat: ['base', 'config', 'identity', 'wire', 'transport', 'session'],
  pubsub: ['base', 'config', 'identity', 'wire', 'session'],
  rpc: ['base', 'config', 'identity', 'wire', 'session'],
  observability: ['base'],
  bench: ['base'],
  control: ['base', 'config'],
  doctor: ['base', 'config', 'identity', 'store', 'transport', 'control'],
};
const lib = '^src/lib/';

const walls = Object.entries(rooms).map(([room, allowed]) => ({
  name: `room-${room}`,
  comment: `src/lib/${room} may import only: ${[room, ...allowed].join(', ')}`,
  severity: 'error',
  from: { path: `${lib}${room}/` },
  to: { path: `^src/`, pathNot: [room, ...allowed].map((name) => `${lib}${name}/`) },
}));

module.exports = {
  forbidden: [
    ...walls,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'one-door-to-quiche',
      comment: 'only the endpoint imports the native QUIC binding',
      severity: 'error',
      from: { pathNot: `${lib}transport/quiche-binding\\.ts$` },
      to: { path: '@matrixai/quic' },
    },
    {
      name: 'commands-are-thin-clients',
      comment: 'commands use the control client; the node itself is loaded by `node start` alone, the identity by `cert` alone, NAT discovery by `nat probe` alone, what is checked by `doctor` alone',
      severity: 'error',
      from: { path: '^src/(commands|cli)/', pathNot: '^src/(commands/(node/start|nat/probe|cert/|doctor)|cli/(node-start|doctor)/)' },
      to: { path: lib, pathNot: `${lib}(base|config|control)/` },
    },
    {
      name: 'node-is-the-composition-root',
      severity: 'error',
      from: { path: lib, pathNot: `${lib}(node/|index\\.ts$)` },
      to: { path: `${lib}node/` },
    },
    {
      name: 'not-to-dev-dep',
      comment: 'the dashboard is bundled with what draws it',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/top/app\\.tsx$' },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] },
  },
};

import type { CommandClass } from './base-command.js';

type CommandModule = Promise<{ readonly default: CommandClass }>;

/** All commands by oclif's ids. Each is loaded when it runs. */
export const commandTable: Readonly<Record<string, () => CommandModule>> = {
  'cert:init': () => import('../commands/cert/init.js'),
  'cert:show': () => import('../commands/cert/show.js'),
  completion: () => import('../commands/completion.js'),
  'config:show': () => import('../commands/config/show.js'),
  'dht:delete': () => import('../commands/dht/delete.js'),
  'dht:get': () => import('../commands/dht/get.js'),
  'dht:nodes': () => import('../commands/dht/nodes.js'),
  'dht:providers': () => import('../commands/dht/providers.js'),
  'dht:put': () => import('../commands/dht/put.js'),
  'dht:trace': () => import('../commands/dht/trace.js'),
  doctor: () => import('../commands/doctor.js'),
  help: () => import('../commands/help.js'),
  'node:start': () => import('../commands/node/start.js'),
  'node:status': () => import('../commands/node/status.js'),
  'node:stop': () => import('../commands/node/stop.js'),
  'node:wait': () => import('../commands/node/wait.js'),
  'peers:connect': () => import('../commands/peers/connect.js'),
  'peers:disconnect': () => import('../commands/peers/disconnect.js'),
  'peers:list': () => import('../commands/peers/list.js'),
  'peers:ping': () => import('../commands/peers/ping.js'),
  'peers:trust': () => import('../commands/peers/trust.js'),
  'peers:untrust': () => import('../commands/peers/untrust.js'),
  'migrate:check': () => import('../commands/migrate/check.js'),
  'nat:probe': () => import('../commands/nat/probe.js'),
  'pool:stats': () => import('../commands/pool/stats.js'),
  'pubsub:publish': () => import('../commands/pubsub/publish.js'),
  'pubsub:subscribe': () => import('../commands/pubsub/subscribe.js'),
  'rpc:call': () => import('../commands/rpc/call.js'),
  'rpc:list': () => import('../commands/rpc/list.js'),
  'rpc:providers': () => import('../commands/rpc/providers.js'),
  'rpc:serve': () => import('../commands/rpc/serve.js'),
  'realm:secret': () => import('../commands/realm/secret.js'),
};

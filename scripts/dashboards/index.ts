import { renderDashboard, type Dashboard } from './dashboard.js';
import { dht } from './dht.js';
import { natAndPaths } from './nat.js';
import { node } from './node.js';
import { overview } from './overview.js';
import { rpcAndPubSub } from './rpc-pubsub.js';

/** All dashboards by the path of their JSON. */
const dashboards: Readonly<Record<string, Dashboard>> = {
  'deploy/grafana/dashboards/overview.json': overview,
  'deploy/grafana/dashboards/dht.json': dht,
  'deploy/grafana/dashboards/rpc-pubsub.json': rpcAndPubSub,
  'deploy/grafana/dashboards/nat.json': natAndPaths,
  'deploy/grafana/dashboards/node.json': node,
};

/** The files of all dashboards by path. */
export function renderDashboards(): [path: string, text: string][] {
  return Object.entries(dashboards).map(([path, dashboard]) => [path, renderDashboard(dashboard)]);
}

import { expect } from 'chai';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { spawnMacula } from '../support/cli.js';
import { manifest, type StatefulSetManifest } from '../support/kubernetes.js';

interface Ready {
  nodeId: string;
  listen: { port: number }[];
  metricsUrl: string;
}

/** A node as the StatefulSet has a pod of it started, on this machine: its user, its variables, its volume. */
describe('a pod of the StatefulSet', function () {
  const { spec } = manifest<StatefulSetManifest>('stateful-set.yaml');
  const { securityContext, containers: [container] } = spec.template.spec;
  const { data: config } = manifest<{ data: Record<string, string> }>('config-map.yaml');
  const mountPath = container.volumeMounts[0]!.mountPath;
  let directory: string;
  let volume: string;
  const running: ChildProcess[] = [];

  before(function () {
    if (process.getuid?.() !== 0) return this.skip();
    directory = mkdtempSync(join(tmpdir(), 'macula-pod-'));
    chmodSync(directory, 0o755);
    volume = join(directory, 'volume');
    // What kubelet makes of the top of a volume for fsGroup.
    mkdirSync(volume);
    chownSync(volume, 0, securityContext.fsGroup);
    chmodSync(volume, 0o2775);
  });
  after(() => {
    for (const child of running) child.kill('SIGKILL');
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });

  async function start(bootstrap: string): Promise<{ child: ChildProcess; ready: Ready }> {
    const own = Object.fromEntries(container.env.map(({ name, value }) => [name, value?.replace(mountPath, volume) ?? '127.0.0.1']));
    const env = { ...config, ...own, MACULA_BOOTSTRAP_URL: bootstrap, MACULA_QUIC_PORT: '0', MACULA_METRICS_PORT: '0', HOME: '/nonexistent' };
    const child = spawnMacula(['node', 'start', '--json'], { env, uid: securityContext.runAsUser, gid: securityContext.runAsGroup });
    running.push(child);
    let stderr = '';
    child.stderr!.on('data', (chunk) => (stderr += String(chunk)));
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`the node ended: ${stderr}`)));
    ended.catch(() => undefined);
    const ready = await Promise.race([once(createInterface({ input: child.stdout! }), 'line'), ended]);
    return { child, ready: JSON.parse(String(ready[0])) as Ready };
  }

  async function end(child: ChildProcess): Promise<void> {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect((await ended)[0]).to.equal(0);
  }

  it('becomes ready alone, answers the probes, and keeps its id and an unharmed volume over a restart', async () => {
    // The first pod finds nobody under the names it is given.
    const first = await start('https://127.0.0.1:9');
    const base = new URL(first.ready.metricsUrl).origin;
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      expect((await fetch(`${base}${probe.httpGet.path}`)).status, probe.httpGet.path).to.equal(200);
    }
    await end(first.child);
    const dataDir = container.env.find(({ name }) => name === 'MACULA_DATA_DIR')!.value!;
    const key = statSync(join(volume, relative(mountPath, dataDir), 'key.pem'));
    expect([key.mode & 0o777, key.uid]).to.deep.equal([0o600, securityContext.runAsUser]);
    // OnRootMismatch: kubelet changes nothing as long as the top still has this owner and mode.
    const top = statSync(volume);
    expect([top.gid, top.mode & 0o7777]).to.deep.equal([securityContext.fsGroup, 0o2775]);
    const second = await start('https://127.0.0.1:9');
    expect(second.ready.nodeId).to.equal(first.ready.nodeId);
    await end(second.child);
  });
});

import { expect } from 'chai';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { macula, spawnMacula } from '../support/cli.js';
import { manifest, type StatefulSetManifest } from '../support/kubernetes.js';

interface Ready {
  nodeId: string;
  listen: { port: number }[];
  metricsUrl: string;
  controlSocket: string;
}

interface Pod {
  child: ChildProcess;
  ready: Ready;
}

/** A node as the StatefulSet has a pod of it started, on this machine: its user, its variables, its volume. */
describe('a pod of the StatefulSet', function () {
  const { spec } = manifest<StatefulSetManifest>('stateful-set.yaml');
  const { securityContext, containers: [container] } = spec.template.spec;
  const { data: config } = manifest<{ data: Record<string, string> }>('config-map.yaml');
  const mountPath = container.volumeMounts[0]!.mountPath;
  let directory: string;
  const running: ChildProcess[] = [];

  before(function () {
    if (process.getuid?.() !== 0) return this.skip();
    directory = mkdtempSync(join(tmpdir(), 'macula-pod-'));
    chmodSync(directory, 0o755);
  });
  after(() => {
    for (const child of running) child.kill('SIGKILL');
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  });

  /** A volume as kubelet makes its top for fsGroup. */
  function freshVolume(name: string): string {
    const volume = join(directory, name);
    mkdirSync(volume);
    chownSync(volume, 0, securityContext.fsGroup);
    chmodSync(volume, 0o2775);
    return volume;
  }

  async function start(volume: string, bootstrap: string): Promise<Pod> {
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

  async function answers({ ready }: Pod): Promise<number[]> {
    const base = new URL(ready.metricsUrl).origin;
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    return Promise.all(probes.map(async ({ httpGet }) => (await fetch(`${base}${httpGet.path}`)).status));
  }

  it('counts as started at once and as ready when it has found another', async () => {
    const first = await start(freshVolume('a'), 'https://127.0.0.1:9');
    expect(await answers(first)).to.deep.equal([200, 200, 503]);
    const second = await start(freshVolume('b'), `https://127.0.0.1:9,https://127.0.0.1:${first.ready.listen[0]!.port}`);
    for (const { ready } of [first, second]) {
      expect((await macula(['node', 'wait', '--for', 'peers>=1', '--timeout', '10s', '--socket', ready.controlSocket])).code).to.equal(0);
    }
    expect(await Promise.all([answers(first), answers(second)])).to.deep.equal([[200, 200, 200], [200, 200, 200]]);
    await Promise.all([end(first.child), end(second.child)]);
  });

  it('keeps its id and an unharmed volume over a restart', async () => {
    const volume = freshVolume('c');
    const first = await start(volume, '');
    await end(first.child);
    const dataDir = container.env.find(({ name }) => name === 'MACULA_DATA_DIR')!.value!;
    const key = statSync(join(volume, relative(mountPath, dataDir), 'key.pem'));
    expect([key.mode & 0o777, key.uid]).to.deep.equal([0o600, securityContext.runAsUser]);
    // OnRootMismatch: kubelet changes nothing as long as the top still has this owner and mode.
    const top = statSync(volume);
    expect([top.gid, top.mode & 0o7777]).to.deep.equal([securityContext.fsGroup, 0o2775]);
    const second = await start(volume, '');
    expect(second.ready.nodeId).to.equal(first.ready.nodeId);
    await end(second.child);
  });
});

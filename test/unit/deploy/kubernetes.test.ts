import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import { expect } from 'chai';
import { StatefulSet } from 'kubernetes-models/apps/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { ConfigMap, Service } from 'kubernetes-models/v1';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { environmentName, defaultSettings, settings, type SettingName } from '../../../src/lib/config/schema.js';
import { loadSettings } from '../../../src/lib/config/load-settings.js';
import { dockerStages, valuesOf } from '../../support/dockerfile.js';
import { manifest, type Container, type Probe, type StatefulSetManifest } from '../../support/kubernetes.js';
import { hasTool } from '../../support/system-tool.js';
import { sourcesWith } from '../config/sources.js';

const root = resolve(import.meta.dirname, '../../..');
const directory = join(root, 'deploy/kubernetes');
const files = readdirSync(directory).filter((file) => file !== 'kustomization.yaml');

interface Selecting {
  metadata: { name: string; labels: Record<string, string> };
}

describe('the Kubernetes manifests', () => {
  const models: Record<string, new (data: never) => { validate(): void }> = { ConfigMap, PodDisruptionBudget, Service, ServiceMonitor, StatefulSet };
  const set = manifest<StatefulSetManifest>('stateful-set.yaml');
  const pod = set.spec.template.spec;
  const [container] = pod.containers;
  const labels = set.spec.template.metadata.labels;
  const config = manifest<{ data: Record<string, string> }>('config-map.yaml').data;

  for (const file of files) {
    it(`${file} is what the API's schema says`, () => {
      const object = manifest<{ kind: string }>(file);
      expect(models, object.kind).to.have.property(object.kind);
      new models[object.kind]!(object as never).validate();
    });
  }

  it('are all in the kustomization, which kubectl takes', function () {
    expect(manifest<{ resources: string[] }>('kustomization.yaml').resources).to.have.members(files);
    if (!hasTool('kubectl')) return this.skip();
    const { stdout, stderr, status } = spawnSync('kubectl', ['kustomize', directory], { encoding: 'utf8' });
    expect(status, stderr).to.equal(0);
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(stdout).to.include(`image: macula:${version}`);
  });

  it('probe pages that a node serves, on the port it serves them on', () => {
    const listener = readFileSync(join(root, 'src/lib/observability/http-listener.ts'), 'utf8');
    const probes: [Probe, string][] = [[container.startupProbe, '/livez'], [container.livenessProbe, '/livez'], [container.readinessProbe, '/readyz']];
    for (const [{ httpGet }, path] of probes) {
      expect(httpGet).to.deep.equal({ path, port: 'metrics' });
      expect(listener).to.include(`app.get('${path}'`);
    }
    const { path, port } = manifest<{ spec: { endpoints: [{ path: string; port: string }] } }>('service-monitor.yaml').spec.endpoints[0];
    expect([path, port]).to.deep.equal(['/metrics', 'metrics']);
  });

  it('name the ports of the settings, in the container and in the service alike', () => {
    const { quicPort, metricsPort } = defaultSettings();
    expect(container.ports).to.deep.equal([{ name: 'quic', containerPort: quicPort, protocol: 'UDP' }, { name: 'metrics', containerPort: metricsPort, protocol: 'TCP' }]);
    const { ports } = manifest<{ spec: { ports: { name: string; port: number; targetPort: string; protocol: string }[] } }>('service.yaml').spec;
    expect(ports.map(({ name, port, targetPort, protocol }) => [name, port, targetPort, protocol])).to.deep.equal([['quic', quicPort, 'quic', 'UDP'], ['metrics', metricsPort, 'metrics', 'TCP']]);
  });

  it('select the pods of the set', () => {
    const service = manifest<Selecting & { spec: { selector: object; clusterIP: string; publishNotReadyAddresses: boolean } }>('service.yaml');
    const budget = manifest<{ spec: { selector: { matchLabels: object } } }>('pod-disruption-budget.yaml');
    const monitor = manifest<{ spec: { selector: { matchLabels: object }; jobLabel: string } }>('service-monitor.yaml');
    expect(set.spec.selector.matchLabels).to.deep.equal(labels);
    expect(service.spec).to.deep.include({ selector: labels, clusterIP: 'None', publishNotReadyAddresses: true });
    expect(budget.spec.selector.matchLabels).to.deep.equal(labels);
    expect(monitor.spec.selector.matchLabels, 'labels of the service').to.deep.equal(service.metadata.labels);
    expect(service.metadata.labels[monitor.spec.jobLabel], 'the job that the alert rules expect').to.equal('macula');
  });

  it('have nodes join through the names that the headless service gives the first of them', () => {
    const { quicPort } = defaultSettings();
    expect(set.spec.serviceName).to.equal(manifest<Selecting>('service.yaml').metadata.name);
    const urls = Array.from({ length: set.spec.replicas }, (_, index) => `https://${set.metadata.name}-${index}.${set.spec.serviceName}:${quicPort}`);
    expect(config.MACULA_BOOTSTRAP_URL!.split(',')).to.deep.equal(urls);
  });

  it('set only variables that are settings, to values a node takes', () => {
    const known = new Set((Object.keys(settings) as SettingName[]).map(environmentName));
    const env = { ...config, ...Object.fromEntries(container.env.map(({ name, value }) => [name, value ?? '10.1.2.3'])) };
    for (const name of Object.keys(env)) expect(known.has(name), name).to.equal(true);
    const { warnings, settings: loaded } = loadSettings(sourcesWith({ env }));
    expect(warnings).to.deep.equal([]);
    expect(loaded).to.deep.include({ mdns: false, metricsHost: '10.1.2.3' });
  });

  it('run as the user of the image, who may nothing that a node does not need', () => {
    const [, final] = dockerStages(join(root, 'deploy/docker/Dockerfile'));
    const { runAsUser, runAsGroup, ...rest } = pod.securityContext;
    expect(`${runAsUser}:${runAsGroup}`).to.equal(valuesOf(final!, 'USER')[0]);
    expect(rest).to.deep.include({ runAsNonRoot: true, fsGroup: runAsGroup, seccompProfile: { type: 'RuntimeDefault' } });
    expect(container.securityContext).to.deep.equal({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
  });

  it('keep the data directory on the volume, below its top, which the group may read', () => {
    const dataDir = (container as Container).env.find(({ name }) => name === 'MACULA_DATA_DIR')!.value!;
    const [mount] = container.volumeMounts;
    expect(dataDir).to.match(new RegExp(`^${mount!.mountPath}/.`));
    expect(mount!.name).to.equal(set.spec.volumeClaimTemplates[0]!.metadata.name);
    expect(pod.securityContext.fsGroupChangePolicy).to.equal('OnRootMismatch');
  });
});

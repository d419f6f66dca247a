import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

const directory = resolve(import.meta.dirname, '../../deploy/kubernetes');

/** What of the manifests is looked at by tests. */
export interface Probe {
  httpGet: { path: string; port: string };
}

export interface Container {
  image: string;
  env: { name: string; value?: string; valueFrom?: { fieldRef?: { fieldPath: string } } }[];
  envFrom: { configMapRef?: { name: string }; secretRef?: { name: string; optional: boolean } }[];
  ports: { name: string; containerPort: number; protocol: string }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  securityContext: { allowPrivilegeEscalation: boolean; readOnlyRootFilesystem: boolean; capabilities: { drop: string[] } };
  volumeMounts: { name: string; mountPath: string }[];
}

export interface StatefulSetManifest {
  metadata: { name: string };
  spec: {
    serviceName: string;
    replicas: number;
    selector: { matchLabels: Record<string, string> };
    template: {
      metadata: { labels: Record<string, string> };
      spec: {
        containers: [Container];
        securityContext: { runAsNonRoot: boolean; runAsUser: number; runAsGroup: number; fsGroup: number; fsGroupChangePolicy: string };
        enableServiceLinks: boolean;
        terminationGracePeriodSeconds: number;
      };
    };
    volumeClaimTemplates: { metadata: { name: string } }[];
  };
}

/** A manifest of deploy/kubernetes. */
export function manifest<Shape = Record<string, unknown>>(file: string): Shape {
  return parse(readFileSync(join(directory, file), 'utf8')) as Shape;
}

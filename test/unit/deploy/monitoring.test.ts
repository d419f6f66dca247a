import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { defaultSettings, environmentName, settings, type SettingName } from '../../../src/lib/config/schema.js';
import { metricAreas } from '../../../src/lib/observability/metric-table.js';
import { dashboardFiles, deployDirectory, metricsIn, ruleEntries } from '../../support/monitoring-files.js';

const specs = metricAreas.flatMap(({ metrics }) => metrics);
const histograms = new Set(specs.filter(({ type }) => type === 'histogram').map(({ name }) => name));
const known = new Set(['macula_build_info', ...specs.map(({ name }) => name)]);
const yaml = (path: string): unknown => parse(readFileSync(join(deployDirectory, path), 'utf8'), { merge: true });

describe('the dashboards', () => {
  const dashboards = dashboardFiles();
  const expressions = dashboards.flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)));

  it('show every metric there is, and none that there is not', () => {
    const used = new Set(expressions.flatMap((expr) => metricsIn(expr, histograms)));
    expect([...used].filter((name) => !known.has(name))).to.deep.equal([]);
    expect([...known].filter((name) => !used.has(name))).to.deep.equal([]);
  });

  it('have ids and names of their own, and say what each panel shows', () => {
    expect(new Set(dashboards.map(({ uid }) => uid)).size).to.equal(5).and.to.equal(dashboards.length);
    for (const { file, panels } of dashboards) {
      expect(new Set(panels.map(({ id }) => id)).size, file).to.equal(panels.length);
      const shown = panels.filter(({ type }) => type !== 'row');
      expect(new Set(shown.map(({ title }) => title)).size, file).to.equal(shown.length);
      for (const { title, description, targets } of shown) {
        expect(description, `${file}: ${title}`).to.match(/\w.*\.$/s);
        expect(targets, `${file}: ${title}`).to.not.be.empty;
      }
    }
  });

  it('have panels beside and below each other, none over another', () => {
    for (const { file, panels } of dashboards) {
      for (const [index, { gridPos: a, title }] of panels.entries()) {
        expect(a.x + a.w, `${file}: ${title}`).to.be.at.most(24);
        for (const { gridPos: b, title: other } of panels.slice(index + 1)) {
          const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
          expect(apart, `${file}: ${title} and ${other}`).to.equal(true);
        }
      }
    }
  });

  it('look at the nodes that are chosen, and over an interval that fits the zoom', () => {
    for (const expr of expressions) {
      const selectors = expr.match(/\{[^}]*\}/g) ?? [];
      expect(selectors.every((selector) => selector.includes('instance=~"$instance"')), expr).to.equal(true);
      for (const [range] of expr.matchAll(/\[[^\]]*\]/g)) expect(range, expr).to.equal('[$__rate_interval]');
    }
  });
});

describe('the rules for Prometheus', () => {
  it('use metrics and recordings that there are', () => {
    const recorded = new Set(ruleEntries().flatMap(({ record }) => record ?? []));
    for (const { expr } of ruleEntries()) {
      for (const name of metricsIn(expr, histograms)) expect(known.has(name), name).to.equal(true);
      for (const [name] of expr.matchAll(/\b(instance|job):[a-z0-9_]+:[a-z0-9_]+/g)) expect(recorded.has(name), name).to.equal(true);
    }
  });

  it('are each tried by promtool: every alert fires in a test', () => {
    const tests = readFileSync(join(deployDirectory, 'prometheus/macula-alerts.test.yml'), 'utf8');
    for (const { alert } of ruleEntries()) if (alert !== undefined) expect(tests, alert).to.match(new RegExp(`alertname="${alert}".*exp_samples: \\[\\{`));
  });

  it('name what to do in each alert', () => {
    for (const { alert, labels, annotations } of ruleEntries()) {
      if (alert === undefined) continue;
      expect(alert).to.match(/^Macula[A-Z]/);
      expect(labels?.['severity'], alert).to.be.oneOf(['critical', 'warning', 'info']);
      expect(annotations, alert).to.have.all.keys('summary', 'description');
    }
  });
});

interface Compose {
  readonly services: Readonly<Record<string, { image: string; build?: { context: string; dockerfile: string }; environment?: Record<string, string>; volumes: string[]; ports?: string[]; hostname?: string; depends_on?: string[] }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

describe('the compose file', () => {
  const { services, volumes } = yaml('compose.yaml') as Compose;
  const nodes = Object.entries(services).filter(([, { image }]) => image === 'macula');

  it('runs three nodes of one image, built once by the Dockerfile there is, which find each other', () => {
    expect(nodes.map(([name]) => name)).to.deep.equal(['one', 'two', 'three']);
    const [[, first], ...others] = nodes as [(typeof nodes)[number], ...typeof nodes];
    expect(others.every(([, { build }]) => build === undefined)).to.equal(true);
    expect(existsSync(resolve(deployDirectory, first.build!.context, first.build!.dockerfile))).to.equal(true);
    expect(others.map(([, { environment }]) => environment!['MACULA_BOOTSTRAP_URL'])).to.deep.equal(Array(2).fill(`https://one:${defaultSettings().quicPort}`));
    for (const [name, { hostname }] of nodes) expect(hostname).to.equal(name);
  });

  it('sets only variables that are settings, and lets Prometheus reach the metrics', () => {
    const names = new Set((Object.keys(settings) as SettingName[]).map(environmentName));
    for (const [name, { environment = {} }] of nodes) {
      expect(Object.keys(environment).filter((variable) => !names.has(variable)), name).to.deep.equal([]);
      expect(environment['MACULA_METRICS_HOST'], name).to.equal('0.0.0.0');
    }
  });

  it('keeps what is to be kept on volumes, and mounts files that there are, to be read only', () => {
    for (const { volumes: mounts } of Object.values(services)) {
      for (const mount of mounts) {
        const [from, , mode] = mount.split(':') as [string, string, string?];
        if (!from.startsWith('.')) expect(volumes, mount).to.have.property(from);
        else expect([existsSync(resolve(deployDirectory, from)), mode], mount).to.deep.equal([true, 'ro']);
      }
    }
    for (const [name, { volumes: mounts }] of nodes) expect(mounts).to.deep.equal([`${name}:/var/lib/macula`]);
  });

  it('depends on services that there are, and publishes Prometheus and Grafana on loopback only', () => {
    for (const { depends_on = [] } of Object.values(services)) for (const name of depends_on) expect(services).to.have.property(name);
    for (const name of ['prometheus', 'grafana']) for (const port of services[name]!.ports!) expect(port).to.match(/^127\.0\.0\.1:/);
  });

  it('has Prometheus scrape every node, under the name alerts expect', () => {
    const { scrape_configs, rule_files } = yaml('prometheus/prometheus.yml') as { scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[]; rule_files: string[] };
    expect(scrape_configs.map(({ job_name }) => job_name)).to.deep.equal(['macula']);
    expect(scrape_configs[0]!.static_configs[0]!.targets).to.deep.equal(nodes.map(([name]) => `${name}:${defaultSettings().metricsPort}`));
    for (const file of rule_files) expect(existsSync(join(deployDirectory, 'prometheus', file)), file).to.equal(true);
  });

  it('provisions Grafana with that Prometheus and with the dashboards', () => {
    const { datasources } = yaml('grafana/provisioning/datasources/prometheus.yaml') as { datasources: { type: string; url: string; isDefault: boolean }[] };
    expect(datasources).to.have.lengthOf(1);
    expect(datasources[0]).to.include({ type: 'prometheus', url: 'http://prometheus:9090', isDefault: true });
    const { providers } = yaml('grafana/provisioning/dashboards/macula.yaml') as { providers: { options: { path: string } }[] };
    expect(services['grafana']!.volumes).to.include(`./grafana/dashboards:${providers[0]!.options.path}:ro`);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

export const deployDirectory = resolve(import.meta.dirname, '../../deploy');

export interface DashboardPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[];
}

export interface DashboardFile {
  readonly file: string;
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly DashboardPanel[];
}

/** The dashboards as Grafana gets them. */
export function dashboardFiles(): DashboardFile[] {
  const directory = join(deployDirectory, 'grafana/dashboards');
  return readdirSync(directory).map((file) => ({ file, ...(JSON.parse(readFileSync(join(directory, file), 'utf8')) as Omit<DashboardFile, 'file'>) }));
}

export interface RuleEntry {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const ruleFiles = ['macula-rules.yml', 'macula-alerts.yml'].map((name) => join(deployDirectory, 'prometheus', name));

/** Recording and alert rules. */
export function ruleEntries(): RuleEntry[] {
  return ruleFiles.flatMap((file) => (parse(readFileSync(file, 'utf8')) as { groups: { rules: RuleEntry[] }[] }).groups.flatMap(({ rules }) => rules));
}

/** Names of Macula's metrics in an expression, without what Prometheus makes of a histogram's name; names of recording rules are left out. */
export function metricsIn(expr: string, histograms: ReadonlySet<string>): string[] {
  const names = [...expr.matchAll(/(?<![:\w])macula_[a-z0-9_]+(?![:\w])/g)].map(([name]) => name);
  return names.map((name) => {
    const base = name.replace(/_(bucket|sum|count)$/, '');
    return histograms.has(base) ? base : name;
  });
}

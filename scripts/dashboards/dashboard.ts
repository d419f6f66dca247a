// Dashboards for Grafana, from a source of a few lines a panel. What the JSON needs besides is the same everywhere and made here.

/** Units by Grafana's names. */
export type Unit = 'short' | 's' | 'bytes' | 'Bps' | 'ops' | 'pps' | 'percentunit' | 'dtdurations' | 'reqps';

/** A query and what its lines are called; `{{label}}` is filled in. */
export type Query = readonly [expr: string, legend: string];

export interface Panel {
  readonly title: string;
  /** What to make of it, one or two sentences; shown as a hint. */
  readonly about: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** `series` where absent. stat: one number for each line; table: labels as columns. */
  readonly kind?: 'series' | 'stat' | 'table';
  /** Of 24 columns; 8 where absent. */
  readonly width?: 4 | 6 | 8 | 12 | 24;
  readonly stacked?: boolean;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Dashboard {
  /** Never changes: links of others go by it. */
  readonly uid: string;
  readonly title: string;
  readonly about: string;
  readonly rows: readonly Row[];
}

/** Selects the nodes chosen at the top of the dashboard. */
export const chosen = 'instance=~"$instance"';

/** A rate over the interval that fits the zoom. @param matchers more label matchers, each with its comma before it */
export const rate = (metric: string, matchers = ''): string => `rate(${metric}{${chosen}${matchers}}[$__rate_interval])`;
/** The rates of a counter added up by labels. */
export const rateBy = (labels: string, metric: string, matchers = ''): string => `sum by (${labels}) (${rate(metric, matchers)})`;
/** A quantile of a histogram over all chosen nodes. @param labels further labels to keep apart, each with its comma before it */
export const quantile = (share: number, metric: string, labels = '', matchers = ''): string => `histogram_quantile(${share}, sum by (le${labels}) (${rate(`${metric}_bucket`, matchers)}))`;
export const now = (metric: string, matchers = ''): string => `${metric}{${chosen}${matchers}}`;

const source = { type: 'prometheus', uid: '${datasource}' };
const heights = { series: 8, stat: 4, table: 8 } as const;
const types = { series: 'timeseries', stat: 'stat', table: 'table' } as const;

function targetsOf({ queries, kind = 'series' }: Panel): unknown[] {
  return queries.map(([expr, legendFormat], index) => ({
    refId: String.fromCharCode(65 + index),
    datasource: source,
    expr,
    legendFormat,
    ...(kind === 'series' ? { range: true } : { instant: true, range: false }),
    ...(kind === 'table' ? { format: 'table' } : {}),
  }));
}

function optionsOf({ kind = 'series' }: Panel): unknown {
  switch (kind) {
    case 'series':
      return { legend: { displayMode: 'list', placement: 'bottom', showLegend: true }, tooltip: { mode: 'multi', sort: 'desc' } };
    case 'stat':
      return { colorMode: 'value', graphMode: 'none', justifyMode: 'auto', reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false }, textMode: 'auto' };
    case 'table':
      return { cellHeight: 'sm', showHeader: true };
  }
}

function renderPanel(panel: Panel, id: number, gridPos: unknown): unknown {
  const { title, about, unit, kind = 'series', stacked = false } = panel;
  const custom = kind === 'series' ? { custom: { fillOpacity: stacked ? 30 : 8, lineWidth: 1, showPoints: 'never', stacking: { group: 'A', mode: stacked ? 'normal' : 'none' } } } : {};
  const transformations = kind === 'table' ? [{ id: 'organize', options: { excludeByName: { Time: true, __name__: true, job: true, Value: true } } }] : [];
  return {
    id, type: types[kind], title, description: about, datasource: source, gridPos, targets: targetsOf(panel), transformations,
    fieldConfig: { defaults: { unit, min: 0, ...custom }, overrides: [] }, options: optionsOf(panel),
  };
}

/** Panels from left to right, in as many lines as they need, under the title of their row. */
function renderPanels(rows: readonly Row[]): unknown[] {
  const rendered: unknown[] = [];
  let y = 0;
  for (const { title, panels } of rows) {
    rendered.push({ id: rendered.length + 1, type: 'row', title, collapsed: false, panels: [], gridPos: { h: 1, w: 24, x: 0, y } });
    y += 1;
    let x = 0;
    let lineHeight = 0;
    for (const panel of panels) {
      const { width: w = 8, kind = 'series' } = panel;
      if (x + w > 24) {
        y += lineHeight;
        x = 0;
        lineHeight = 0;
      }
      const h = heights[kind];
      rendered.push(renderPanel(panel, rendered.length + 1, { h, w, x, y }));
      x += w;
      lineHeight = Math.max(lineHeight, h);
    }
    y += lineHeight;
  }
  return rendered;
}

const variables = [
  { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', hide: 0 },
  {
    name: 'instance', label: 'Node', type: 'query', datasource: source, definition: 'label_values(macula_build_info, instance)',
    query: { query: 'label_values(macula_build_info, instance)', refId: 'instances' }, refresh: 2, sort: 1, multi: true, includeAll: true, allValue: '.+', current: { text: ['All'], value: ['$__all'] },
  },
];

/** A dashboard as Grafana reads it, of schema 39 (Grafana 10 and later). */
export function renderDashboard({ uid, title, about, rows }: Dashboard): string {
  const links = [{ type: 'dashboards', tags: ['macula'], title: 'Macula', asDropdown: true, includeVars: true, keepTime: true }];
  const dashboard = {
    uid, title, description: about, tags: ['macula'], schemaVersion: 39, version: 1, editable: true, refresh: '30s', timezone: 'browser', time: { from: 'now-3h', to: 'now' },
    links, templating: { list: variables }, annotations: { list: [] }, panels: renderPanels(rows),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

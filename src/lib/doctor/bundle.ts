import { closeSync, existsSync, fstatSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { errnoOf, MaculaError } from '../base/errors.js';
import type { MetricsResult } from '../control/protocol-metrics.js';
import { countChecks } from './check.js';
import type { Diagnosis } from './doctor.js';
import { redact } from './redact.js';
import { tarGz, type ArchiveFile } from './tar.js';

/** The last of the log: some hours of a quiet node, minutes of one in trouble. */
const logTailBytes = 512 * 1024;
const logNames = ['node.log'];

export interface BundleOptions {
  readonly version: string;
  readonly wallMs: number;
}

/** @throws MaculaError MACULA_FILE_EXISTS */
export function refuseExisting(path: string): void {
  if (existsSync(path)) throw new MaculaError('MACULA_FILE_EXISTS', `${path} exists already`, { details: { path }, hint: 'Choose another name for the archive.' });
}

/**
 * Writes an archive for a report about a bug, readable by its owner only: what was checked, what the node says of itself, its
 * settings without secrets, its metrics, the end of its log, versions. Never the key, the certificate or the store.
 * @returns names of the files in it
 * @throws MaculaError MACULA_FILE_EXISTS, MACULA_PERMISSION_DENIED, MACULA_OUTPUT_FAILED
 */
export function writeBundle(path: string, diagnosis: Diagnosis, options: BundleOptions): string[] {
  const files = bundleFiles(diagnosis, options);
  const archive = tarGz(files, options.wallMs);
  try {
    writeFileSync(path, archive, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === 'EEXIST') refuseExisting(path);
    const denied = errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS';
    if (!denied && errno !== 'ENOENT' && errno !== 'ENOTDIR') rmSync(path, { force: true });
    throw new MaculaError(denied ? 'MACULA_PERMISSION_DENIED' : 'MACULA_OUTPUT_FAILED', `${path} could not be written: ${MaculaError.from(cause).message}`, { details: { path }, cause });
  }
  return files.map(({ name }) => name);
}

/** What goes into the archive, with all secrets out. */
export function bundleFiles({ checks, notChecked, dataDir, view, loaded }: Diagnosis, { version, wallMs }: BundleOptions): ArchiveFile[] {
  const secrets = [loaded?.settings.realmSecret, process.env.MACULA_REALM_SECRET].filter((secret) => secret !== undefined);
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  const config = view.config ?? (loaded && { configFile: loaded.configFile ?? null, settings: loaded.origins, warnings: loaded.warnings });
  const log = logNames.map((name) => tailOf(join(dataDir, name))).find((text) => text !== undefined);
  const texts: [string, string | undefined][] = [
    ['doctor.json', json({ counts: countChecks(checks), checks, notChecked, dataDir })],
    ['versions.json', json(versionsOf(version, view.version, wallMs))],
    ['config.json', config && json(config)],
    ['status.json', view.status && json(view.status)],
    ['peers.json', view.peers && json({ peers: view.peers })],
    ['metrics.txt', view.metrics && metricsText(view.metrics)],
    ['node.log', log],
  ];
  return texts.flatMap(([name, text]) => (text === undefined ? [] : [{ name: `macula-doctor/${name}`, text: redact(text, secrets) }]));
}

function versionsOf(version: string, running: string | undefined, wallMs: number): object {
  const { platform, arch, versions } = process;
  return { at: new Date(wallMs).toISOString(), macula: version, running: running ?? null, node: versions.node, openssl: versions.openssl, platform, arch, kernel: release(), cpus: cpus().length, memoryBytes: totalmem() };
}

/** In the Prometheus text format. */
function metricsText({ metrics }: MetricsResult): string {
  const quoted = (value: string): string => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
  const labelled = (labels: Readonly<Record<string, string>>): string => {
    const pairs = Object.entries(labels).map(([name, value]) => `${name}=${quoted(value)}`);
    return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
  };
  const lines = metrics.flatMap(({ name, type, help, samples }) => [
    `# HELP ${name} ${help.replaceAll('\n', ' ')}`,
    `# TYPE ${name} ${type}`,
    ...samples.map((sample) => `${sample.name}${labelled(sample.labels)} ${sample.value ?? 'NaN'}`),
  ]);
  return `${lines.join('\n')}\n`;
}

/** The last lines of a file; undefined where it cannot be read. */
function tailOf(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, logTailBytes));
    const read = readSync(file, bytes, 0, bytes.length, size - bytes.length);
    const text = bytes.toString('utf8', 0, read);
    // The first line is cut where the file is longer, and half a secret would not be known for one.
    return size > logTailBytes ? text.slice(text.indexOf('\n') + 1) : text;
  } finally {
    closeSync(file);
  }
}

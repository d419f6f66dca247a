import { join } from 'node:path';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { RandomSource } from '../base/random.js';
import { loadSettings, type LoadedSettings } from '../config/load-settings.js';
import { findLocations, inDataDir, type ConfigSources } from '../config/locations.js';
import { defaultSettings, type Settings } from '../config/schema.js';
import type { ControlClient } from '../control/client.js';
import { examinePair } from '../identity/pair-report.js';
import { checkStore } from '../store/store-check.js';
import { dialBootstrap } from './bootstrap-dial.js';
import { failure, ok, warning, type Check } from './check.js';
import { judgeCertificate } from './identity-checks.js';
import { judgeBuffers, judgeClock, judgeDescriptors, judgeDirectory, judgeDisk, judgePort } from './local-checks.js';
import { judgeBoundPort, judgeControlSocket, judgeNat, judgePeers, judgeRelay, judgeVersion, judgeWarnings } from './node-checks.js';
import { metricOf, settingsOf, viewNode, type NodeView } from './node-view.js';
import { judgeBootstrap } from './reach-checks.js';
import { judgeRunningStore, judgeStore } from './store-checks.js';
import { bufferFacts, descriptorFacts, directoryFacts, diskFacts, lastWrittenMs, modeOf, tcpPortFacts, udpPortFacts } from './system-facts.js';

export interface DoctorComponents {
  readonly client: ControlClient;
  readonly clock: Clock;
  readonly random: RandomSource;
}

export interface DoctorOptions {
  readonly sources: ConfigSources;
  /** Version of Macula this is part of. */
  readonly version: string;
  /** How long a bootstrap node may take to answer, milliseconds. */
  readonly dialTimeoutMs: number;
}

export interface Diagnosis {
  readonly checks: readonly Check[];
  /** What only a running node could tell, by id of the check; empty where one runs. */
  readonly notChecked: readonly string[];
  readonly dataDir: string;
  readonly view: NodeView;
  /** undefined where the settings are wrong. */
  readonly loaded: LoadedSettings | undefined;
}

const onlyOfNodes = ['peers', 'nat', 'relay'];

/** Looks at everything a node here depends on, with or without a node running. @throws MaculaError MACULA_ABORTED, MACULA_INVALID_CONFIG where not even the data directory can be found */
export async function diagnose(components: DoctorComponents, options: DoctorOptions, signal: AbortSignal): Promise<Diagnosis> {
  const { loaded, settings: own, check: config } = readSettings(options.sources);
  const view = await viewNode(components.client, signal);
  const settings = settingsOf(view, own);
  const found = await Promise.all([
    judgeVersion(options.version, view.version),
    config,
    judgeControlSocket(settings.socket, view.status, view.error, modeOf(settings.socket)),
    ...localChecks(components, settings, view),
    ...(view.status ? runningChecks(view, view.status, settings) : stoppedChecks(settings, view)),
    bootstrapCheck(components, settings, view, options.dialTimeoutMs, signal),
  ]);
  signal.throwIfAborted();
  const warnings = judgeWarnings(view.status?.warnings ?? []);
  return {
    checks: [...found.filter((check) => check !== undefined), ...warnings],
    notChecked: view.status ? [] : onlyOfNodes,
    dataDir: settings.dataDir,
    view,
    loaded,
  };
}

/** With wrong settings, everything else is looked at as far as the data directory can be found. */
function readSettings(sources: ConfigSources): { loaded: LoadedSettings | undefined; settings: Settings; check: Check } {
  try {
    const loaded = loadSettings(sources);
    const [first, ...more] = loaded.warnings;
    const check = first ? warning('config', `${first.message}${more.length === 0 ? '' : ` (and ${more.length} more: macula config show)`}`, 'macula config show') : ok('config', 'every setting has a valid value');
    return { loaded, settings: loaded.settings, check };
  } catch (error) {
    const { message, hint } = MaculaError.from(error);
    const { dataDir, socket } = findLocations(sources, true);
    const inside = (file: string): string => inDataDir(sources.platform, dataDir.path, file);
    const settings: Settings = { ...defaultSettings(), dataDir: dataDir.path, socket: socket.path, certPath: inside('cert.pem'), keyPath: inside('key.pem') };
    return { loaded: undefined, settings, check: failure('config', message, hint) };
  }
}

type Pending = Promise<Check | undefined> | Check | undefined;

function localChecks({ clock }: DoctorComponents, settings: Settings, { status }: NodeView): Pending[] {
  const { dataDir, certPath, keyPath, dhtStoreBytes, socketBufferBytes } = settings;
  const wallMs = clock.wallMs();
  const paths = { certPath, keyPath };
  return [
    directoryFacts(dataDir).then(judgeDirectory),
    diskFacts(dataDir, dhtStoreBytes).then((facts) => facts && judgeDisk(facts)),
    examinePair(paths, wallMs).catch((error: unknown) => MaculaError.from(error)).then((report) => judgeCertificate(paths, report, wallMs)),
    judgeClock({ wallMs, lastWrittenMs: lastWrittenMs(dataDir) }),
    bufferFacts(socketBufferBytes).then((facts) => facts && judgeBuffers(facts)),
    judgeDescriptors(descriptorFacts(status?.pid)),
  ];
}

function runningChecks(view: NodeView, status: NodeView['status'] & object, settings: Settings): Pending[] {
  const writable = metricOf(view, 'macula_store_writable');
  return [
    judgeBoundPort(status.listen),
    judgeRunningStore(writable === undefined ? undefined : writable === 1),
    view.peers && judgePeers(view.peers, settings.bootstrapUrl.length > 0),
    judgeNat(status),
    judgeRelay(status, settings.relayUse),
  ];
}

/** A node that is there but does not answer has its port and its store. */
function stoppedChecks({ dataDir, host, quicPort, metrics, metricsHost, metricsPort }: Settings, { error }: NodeView): Pending[] {
  if (error?.code !== 'MACULA_NO_NODE') return [];
  const store = join(dataDir, 'store');
  return [
    udpPortFacts(host, quicPort).then(judgePort),
    metrics ? tcpPortFacts(metricsHost, metricsPort).then(judgePort) : undefined,
    checkStore(store, { readOnly: true }).then((condition) => judgeStore(store, condition)),
  ];
}

async function bootstrapCheck(components: DoctorComponents, settings: Settings, { status }: NodeView, timeoutMs: number, signal: AbortSignal): Promise<Check | undefined> {
  const reached = await dialBootstrap(settings.bootstrapUrl, components, settings, timeoutMs, signal);
  return judgeBootstrap(reached, (status?.peers.connected ?? 0) > 0);
}

import { posix } from 'node:path';
import { plainValue, type ContainerFacts, type MigrationFinding, type NodeConfiguration, type Written } from './migration-finding.js';

/** Where the image keeps everything, and where that of v0.8 kept certificates. */
const imageDataDir = '/var/lib/macula';
const formerCertDir = '/opt/macula/certs';
const formerQuicPort = 9443;
const formerHealthPort = 8080;
const quicPortDefault = 4433;
const metricsPortDefault = 9464;

type Details = Pick<MigrationFinding, 'code' | 'severity' | 'message' | 'change'>;

/** One port mapping: the ports in the container it is for. */
interface Mapping {
  readonly written: Written;
  readonly first: number;
  readonly last: number;
  readonly protocol: string;
}

function mappingOf(written: Written): Mapping | undefined {
  const found = /(?:^|:)(\d+)(?:-(\d+))?(?:\/(\w+))?$/.exec(written.text);
  if (!found) return undefined;
  return { written, first: Number(found[1]), last: Number(found[2] ?? found[1]), protocol: found[3] ?? 'tcp' };
}

const covers = ({ first, last }: Mapping, port: number): boolean => port >= first && port <= last;

/** The same mapping for another port in the container. */
function mappedTo({ written }: Mapping, port: number, protocol = ''): string {
  return `"${written.text.replace(/(\d+)(-\d+)?(\/\w+)?$/, String(port))}${protocol}"`;
}

/** What is said of one service. */
class ServiceCheck {
  readonly findings: MigrationFinding[] = [];
  readonly #configuration: NodeConfiguration;
  readonly #container: ContainerFacts;

  constructor(configuration: NodeConfiguration, container: ContainerFacts) {
    this.#configuration = configuration;
    this.#container = container;
  }

  run(): MigrationFinding[] {
    this.#program();
    this.#ports();
    this.#volumes();
    for (const file of this.#container.environmentFiles) {
      this.#add(file, { code: 'other-file', severity: 'note', message: 'Its variables belong to this service, too.', change: `macula migrate check ${file.text}` });
    }
    return this.findings;
  }

  #add(written: Written, details: Details): void {
    this.findings.push({ service: this.#configuration.service, line: written.line, subject: written.text, ...details });
  }

  #value(...names: string[]): string | undefined {
    return names.map((name) => plainValue(this.#configuration, name)).find((value) => value !== undefined);
  }

  #port(fallback: number, ...names: string[]): number | undefined {
    // A port put together from variables of compose is not known here.
    if (names.some((name) => this.#configuration.variables.get(name)?.text.includes('$'))) return undefined;
    return Number(this.#value(...names) ?? fallback);
  }

  #program(): void {
    const { image, dockerfile, commands, healthcheck } = this.#container;
    if (image && /macula[^:]*:v?0\.[0-8](\.|$)/i.test(image.text)) {
      this.#add(image, { code: 'image', severity: 'required', message: 'An image of an older version.', change: 'one built from deploy/docker/Dockerfile of this version' });
    }
    if (dockerfile && /Dockerfile\.(base|bootstrap|edge|gateway)$/.test(dockerfile.text)) {
      this.#add(dockerfile, { code: 'image', severity: 'required', message: 'v0.8 had a Dockerfile for each mode; there is one now.', change: 'dockerfile: deploy/docker/Dockerfile' });
    }
    for (const command of commands) {
      if (!/bin\/macula|\berl\b|\bforeground\b|entrypoint\.sh/.test(command.text)) continue;
      this.#add(command, { code: 'command', severity: 'required', message: 'Started v0.8.', change: 'remove it: the image starts `macula node start`' });
    }
    const former = [formerHealthPort, this.#value('HEALTH_PORT')].map((port) => `:${port}`);
    if (healthcheck && (/bin\/macula/.test(healthcheck.text) || former.some((port) => healthcheck.text.includes(port)))) {
      this.#add(healthcheck, { code: 'health', severity: 'required', message: 'Asks v0.8; this version answers elsewhere.', change: 'remove it: the image brings its own, `macula node status`' });
    }
  }

  #ports(): void {
    const mappings = this.#container.ports.map(mappingOf).filter((each) => each !== undefined);
    if (mappings.length === 0 || this.#container.hostNetwork) return;
    this.#quicPort(mappings);
    const health = Number(this.#value('HEALTH_PORT') ?? formerHealthPort);
    // HEALTH_PORT is to be renamed, so its port is that of the metrics.
    const metrics = this.#port(metricsPortDefault, 'MACULA_METRICS_PORT', 'HEALTH_PORT');
    for (const mapping of mappings) {
      if (mapping.protocol === 'tcp' && covers(mapping, health) && health !== metrics) {
        this.#add(mapping.written, { code: 'port', severity: 'required', message: `Health was on ${health}; it is with the metrics now, on ${metrics ?? 'MACULA_METRICS_PORT'}, and from outside the container only with MACULA_METRICS_HOST=0.0.0.0.`, change: mappedTo(mapping, metrics ?? metricsPortDefault) });
      }
      if (mapping.protocol === 'tcp' && metrics !== undefined && covers(mapping, metrics) && !this.#configuration.variables.has('MACULA_METRICS_HOST')) {
        this.#add(mapping.written, { code: 'port', severity: 'required', message: 'Metrics and health listen on the container\'s own loopback unless told otherwise.', change: 'MACULA_METRICS_HOST=0.0.0.0' });
      }
    }
  }

  #quicPort(mappings: readonly Mapping[]): void {
    const quic = this.#port(quicPortDefault, 'MACULA_QUIC_PORT', 'GATEWAY_PORT', 'MACULA_GATEWAY_PORT');
    if (quic === undefined) return;
    const own = mappings.filter((mapping) => covers(mapping, quic));
    const overTcp = own.find((mapping) => mapping.protocol !== 'udp');
    if (own.some((mapping) => mapping.protocol === 'udp')) return;
    if (overTcp) {
      this.#add(overTcp.written, { code: 'port', severity: 'required', message: 'Published for TCP only; QUIC is UDP.', change: `"${overTcp.written.text.replace(/\/\w+$/, '')}/udp"` });
      return;
    }
    const former = mappings.find((mapping) => covers(mapping, formerQuicPort));
    if (former) {
      this.#add(former.written, { code: 'port', severity: 'required', message: `The node listens on UDP port ${quic}.`, change: `${mappedTo(former, quic, '/udp')}, or MACULA_QUIC_PORT=${formerQuicPort} and "${former.written.text.replace(/\/\w+$/, '')}/udp"` });
    }
  }

  #volumes(): void {
    const persists = (path: string): boolean => this.#container.mounts.some(({ text }) => path === text || path.startsWith(`${text.replace(/\/$/, '')}/`));
    const dataDir = this.#value('MACULA_DATA_DIR') ?? imageDataDir;
    const certPath = this.#value('MACULA_CERT_PATH', 'TLS_CERT_FILE');
    const keyPath = this.#value('MACULA_KEY_PATH', 'TLS_KEY_FILE');
    const former = this.#container.mounts.find(({ text }) => posix.normalize(`${text}/`) === `${formerCertDir}/`);
    if (former && certPath === undefined) {
      this.#add(former, { code: 'certificate', severity: 'required', message: 'v0.8 looked for its certificate here by itself; this version has to be told, or the node gets a new id.', change: `MACULA_CERT_PATH=${formerCertDir}/cert.pem and MACULA_KEY_PATH=${formerCertDir}/key.pem` });
    }
    if (persists(dataDir)) return;
    const identity = certPath !== undefined && keyPath !== undefined && persists(certPath) && persists(keyPath);
    const subject = { text: 'volumes', line: this.#container.line };
    const change = `volumes: ["macula-data:${dataDir}"]`;
    if (identity || former) this.#add(subject, { code: 'volume', severity: 'recommended', message: 'Records and known peers are lost with the container.', change });
    else this.#add(subject, { code: 'volume', severity: 'required', message: 'The node\'s key is lost with the container, and with it the node\'s id.', change });
  }
}

/** Findings about image, command, ports, volumes and health check of a service. */
export function checkContainer(configuration: NodeConfiguration): MigrationFinding[] {
  return configuration.container === undefined ? [] : new ServiceCheck(configuration, configuration.container).run();
}

import { expect } from 'chai';
import { readComposeFile } from '../../../../src/cli/migrate/compose-file.js';
import { checkContainer } from '../../../../src/cli/migrate/container-checks.js';
import { MaculaError } from '../../../../src/lib/base/errors.js';

/** Findings about the only service's container, as `severity subject → change`. */
function found(service: string): string[] {
  const text = `services:\n  node:\n    container_name: macula\n${service.replace(/^/gm, '    ')}\n`;
  return readComposeFile(text, 'compose.yml').flatMap(checkContainer).map(({ severity, subject, change }) => `${severity} ${subject} → ${change}`);
}

const volume = 'volumes: ["data:/var/lib/macula"]\n';

describe('a service of a compose file', () => {
  const cases: [string, string, string[]][] = [
    ['as this version wants it', `${volume}ports: ["4433:4433/udp", "127.0.0.1:9464:9464"]\nenvironment: {MACULA_METRICS_HOST: 0.0.0.0}`, []],
    ['without ports', volume, []],
    ['on the host\'s network', `${volume}network_mode: host\nports: ["4433:4433"]`, []],
    ['with QUIC published for TCP', `${volume}ports: ["9443:9443"]\nenvironment: [GATEWAY_PORT=9443]`, ['required 9443:9443 → "9443:9443/udp"']],
    ['with QUIC published for TCP in the long form', `${volume}ports: [{target: 4433, published: "443"}]`, ['required 443:4433/tcp → "443:4433/udp"']],
    ['with QUIC published for both', `${volume}ports: ["4433:4433", "4433:4433/udp"]`, []],
    ['with QUIC in a range', `${volume}ports: ["4430-4440:4430-4440/udp"]`, []],
    ['with the default port of v0.8', `${volume}ports: ["9443:9443"]`, ['required 9443:9443 → "9443:4433/udp", or MACULA_QUIC_PORT=9443 and "9443:9443/udp"']],
    ['with a port from a variable of compose', `${volume}ports: ["9443:9443"]\nenvironment: ["GATEWAY_PORT=\${PORT}"]`, []],
    ['with the health port of v0.8', `${volume}ports: ["4433:4433/udp", "8081:8080"]`, ['required 8081:8080 → "8081:9464"']],
    ['with a health port of its own', `${volume}ports: ["4433:4433/udp", "8081:8080"]\nenvironment: {HEALTH_PORT: 8080}`, ['required 8081:8080 → MACULA_METRICS_HOST=0.0.0.0']],
    ['with metrics that only listen inside', `${volume}ports: ["4433:4433/udp", "9464:9464"]`, ['required 9464:9464 → MACULA_METRICS_HOST=0.0.0.0']],
    ['without a volume', 'image: x', ['required volumes → volumes: ["macula-data:/var/lib/macula"]']],
    ['with a volume elsewhere', 'volumes: ["data:/data"]\nenvironment: {MACULA_DATA_DIR: /data/macula}', []],
    ['with a temporary volume', 'volumes: [{type: tmpfs, target: /var/lib/macula}]', ['required volumes → volumes: ["macula-data:/var/lib/macula"]']],
    ['with the certificate on a volume, and told where', 'volumes: ["./certs:/opt/macula/certs:ro"]\nenvironment: {TLS_CERT_FILE: /opt/macula/certs/cert.pem, TLS_KEY_FILE: /opt/macula/certs/key.pem}', ['recommended volumes → volumes: ["macula-data:/var/lib/macula"]']],
    ['with the certificate on a volume, and not told where', `volumes: ["certs:/opt/macula/certs/", "data:/var/lib/macula"]`, ['required /opt/macula/certs/ → MACULA_CERT_PATH=/opt/macula/certs/cert.pem and MACULA_KEY_PATH=/opt/macula/certs/key.pem']],
    ['with image, command and health check of v0.8', `${volume}image: registry.example/macula:v0.8.4\ncommand: ["./bin/macula", "foreground"]\nhealthcheck: {test: ["CMD", "./bin/macula", "ping"]}`, [
      'required registry.example/macula:v0.8.4 → one built from deploy/docker/Dockerfile of this version',
      'required ./bin/macula foreground → remove it: the image starts `macula node start`',
      'required CMD ./bin/macula ping → remove it: the image brings its own, `macula node status`',
    ]],
    ['with a Dockerfile of v0.8', `${volume}build: {context: .., dockerfile: docker/Dockerfile.gateway}`, ['required docker/Dockerfile.gateway → dockerfile: deploy/docker/Dockerfile']],
    ['with an image of this version', `${volume}image: macula:0.9.0`, []],
    ['with an environment file', `${volume}env_file: [node.env]`, ['note node.env → macula migrate check node.env']],
  ];
  for (const [name, service, expected] of cases) it(name, () => expect(found(service)).to.deep.equal(expected));
});

describe('a compose file', () => {
  it('is read with merge keys and aliases, and without services that are not Macula\'s', () => {
    const text = 'x-node: &node\n  environment: &env {GATEWAY_PORT: "9443"}\nservices:\n  db: {image: postgres}\n  one: *node\n  two: {<<: *node, environment: {<<: *env, MACULA_REALM: r}}\n';
    const read = readComposeFile(text, 'compose.yml').map(({ service, variables }) => [service, Object.fromEntries([...variables].map(([name, { text: value }]) => [name, value]))]);
    expect(read).to.deep.equal([['one', { GATEWAY_PORT: '9443' }], ['two', { GATEWAY_PORT: '9443', MACULA_REALM: 'r' }]]);
  });

  it('gives the lines that things stand on', () => {
    const [{ variables, container }] = readComposeFile('services:\n  a:\n    environment:\n      - MACULA_MODE=edge\n    ports:\n      - 1:1\n      - 9443:9443\n', 'x') as [ReturnType<typeof readComposeFile>[number]];
    expect(variables.get('MACULA_MODE')!.line).to.equal(4);
    expect(container!.ports.map(({ line }) => line)).to.deep.equal([6, 7]);
  });

  const bomb = Array.from({ length: 12 }, (_, level) => `a${level}: &a${level} [${level === 0 ? '1' : Array(10).fill(`*a${level - 1}`).join(',')}]`).join('\n');
  const hostile: [string, string, string | RegExp][] = [
    ['with a mistake', 'services: {a: [1}', /line 1, column \d+/],
    ['indented with tabs', 'services:\n\ta: 1', /line 2, column 1: Tabs/],
    ['of several documents', 'services: {}\n---\nb: 1', /multiple documents/],
    ['with a key twice', 'services: {}\nservices: {}', /must be unique/],
    ['that is a list', '- services', 'has no `services`'],
    ['that is nothing', '', 'has no `services`'],
    ['whose services are a list', 'services: [a]', 'has no `services`'],
    ['that expands aliases without end', `${bomb}\nservices: {}`, /alias/i],
    ['nested deeper than the stack', `services: ${'['.repeat(60_000)}`, 'cannot be read as a compose file'],
  ];
  for (const [name, text, message] of hostile) {
    it(`${name} is refused`, () => {
      const attempt = (): unknown => readComposeFile(text, 'compose.yml');
      expect(attempt).to.throw(MaculaError, message).with.property('code', 'MACULA_INVALID_CONFIG');
    });
  }

  it('that contains itself does no harm', () => {
    const text = 'services: &all\n  a: {environment: {MACULA_MODE: x}, volumes: *all, self: *all}\n  __proto__: {image: macula}\n';
    expect(readComposeFile(text, 'x').map(({ service }) => service)).to.include('a');
  });

  it('without Macula in it is not found', () => {
    expect(() => readComposeFile('services: {db: {image: postgres}, odd: 7}', 'x')).to.throw(MaculaError, 'no service of x runs Macula').with.property('code', 'MACULA_NOT_FOUND');
  });
});

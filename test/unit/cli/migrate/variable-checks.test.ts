import { expect } from 'chai';
import { readEnvironmentFile } from '../../../../src/cli/migrate/environment-file.js';
import type { MigrationFinding } from '../../../../src/cli/migrate/migration-finding.js';
import { checkVariables, ownVariables } from '../../../../src/cli/migrate/variable-checks.js';

/** Findings that ask for something, as `severity subject → change`. */
function found(text: string): string[] {
  return short(checkVariables(readEnvironmentFile(text, 'a file')));
}

function short(findings: readonly MigrationFinding[]): string[] {
  return findings.filter(({ severity }) => severity !== 'note').map(({ severity, subject, change }) => `${severity} ${subject} → ${change}`);
}

describe('variables of v0.8 in an environment file', () => {
  const cases: [string, string, string[]][] = [
    ['of the scope\'s example', 'MACULA_MODE=gateway\nGATEWAY_PORT=4433\nMACULA_GATEWAY_URL=https://bootstrap:4433', [
      'recommended MACULA_MODE → remove it',
      'recommended GATEWAY_PORT → MACULA_QUIC_PORT=4433',
      'recommended MACULA_GATEWAY_URL → MACULA_BOOTSTRAP_URL=https://bootstrap:4433',
    ]],
    ['that name certificates work on under the old name', 'TLS_CERT_FILE=/c.pem\nTLS_KEY_FILE=/k.pem', ['recommended TLS_CERT_FILE → MACULA_CERT_PATH=/c.pem', 'recommended TLS_KEY_FILE → MACULA_KEY_PATH=/k.pem']],
    ['that are set beside the new name can go', 'GATEWAY_PORT=1\nMACULA_QUIC_PORT=2\nREALM_ID=a\nMACULA_REALM=a', ['recommended GATEWAY_PORT → remove it', 'recommended REALM_ID → remove it']],
    ['that the node does not read have to be renamed', 'REALM_ID=a.b\nREGISTRY_URL=https://r:9443\nHEALTH_PORT=8080', [
      'required REALM_ID → MACULA_REALM=a.b',
      'required REGISTRY_URL → MACULA_BOOTSTRAP_URL=https://r:9443',
      'required HEALTH_PORT → MACULA_METRICS_PORT=8080',
    ]],
    ['of Erlang can go', 'NODE_NAME=a@b\nERLANG_COOKIE=secret', ['recommended NODE_NAME → remove it', 'recommended ERLANG_COOKIE → remove it; to keep strangers out, set MACULA_REALM_SECRET']],
    ['that never were', 'MACULA_QUIC_PRT=1\nMACULA_ZZZZZZZZ=1', ['recommended MACULA_QUIC_PRT → perhaps MACULA_QUIC_PORT', 'recommended MACULA_ZZZZZZZZ → remove it']],
    ['with values a start would refuse', 'GATEWAY_PORT=70000\nMACULA_GATEWAY_URL=quic://x', [
      'recommended GATEWAY_PORT → MACULA_QUIC_PORT=70000',
      'recommended MACULA_GATEWAY_URL → MACULA_BOOTSTRAP_URL=quic://x',
      'required GATEWAY_PORT → write for example 4433',
      'required MACULA_GATEWAY_URL → write https://HOST:4433 or macula://NODE-ID@HOST:4433',
    ]],
    ['of this version only', 'MACULA_QUIC_PORT=4433\nMACULA_REALM=shop\nMACULA_TIMEOUT=1s\nMACULA_CONFIG=/etc/macula.json\nPATH=/bin\nNODE_ENV=production', []],
  ];
  for (const [name, text, expected] of cases) it(name, () => expect(found(text)).to.deep.equal(expected));

  it('say on which line they stand', () => {
    const findings = checkVariables(readEnvironmentFile('# a comment\n\nexport GATEWAY_PORT="9443" # the old port\n', 'a file'));
    expect(findings[0]).to.deep.include({ code: 'renamed-variable', line: 3, subject: 'GATEWAY_PORT', change: 'MACULA_QUIC_PORT=9443', service: null });
  });

  it('bring notes about defaults that changed, and only of what is not set', () => {
    const notes = (text: string): string[] => checkVariables(readEnvironmentFile(text, 'a file')).filter(({ severity }) => severity === 'note').map(({ subject }) => subject);
    expect(notes('MACULA_MODE=edge')).to.deep.equal(['MACULA_QUIC_PORT', 'MACULA_REALM', 'MACULA_CERT_PATH']);
    expect(notes('GATEWAY_PORT=1\nREALM_ID=a\nTLS_CERT_FILE=/c')).to.deep.equal([]);
    expect(notes('MACULA_MDNS=false')).to.deep.equal([]);
  });

  it('never show a realm secret', () => {
    expect(JSON.stringify(checkVariables(readEnvironmentFile('MACULA_REALM_SECRET=hunter2\nMACULA_MODE=edge', 'a file')))).not.to.include('hunter2');
  });

  it('may have any name an object has', () => {
    expect(found('__proto__=1\nconstructor=1\ntoString=1\nMACULA_MODE=edge')).to.deep.equal(['recommended MACULA_MODE → remove it']);
  });

  it('are refused where a line is no assignment, with its number', () => {
    expect(() => readEnvironmentFile('A=1\nwhat is this', 'node.env')).to.throw('line 2 of node.env is not NAME=value');
  });
});

describe('the environment of a shell', () => {
  const names = (env: Record<string, string>): string[] => [...ownVariables(env).variables.keys()];

  it('holds names that mean Macula only where Macula is configured', () => {
    const common = { MODE: 'x', NODE_NAME: 'pc', TLS_CERT_FILE: '/other.pem', COOKIE: 'c', HEALTH_PORT: '1' };
    expect(names(common)).to.deep.equal([]);
    expect(names({ ...common, GATEWAY_PORT: '9443' })).to.have.members([...Object.keys(common), 'GATEWAY_PORT']);
    expect(names({ MACULA_REALM: 'a', HOME: '/root', EMPTY: '', GATEWAY_PORT: '' })).to.deep.equal(['MACULA_REALM']);
  });

  it('holds nothing that Kubernetes put there', () => {
    expect(names({ MACULA_SERVICE_HOST: '10.0.0.1', MACULA_PORT: 'udp://10.0.0.1:4433' })).to.deep.equal([]);
  });
});

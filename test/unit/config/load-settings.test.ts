import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { loadSettings, type LoadedSettings, type SettingProblem } from '../../../src/lib/config/load-settings.js';
import { defaultSettings, environmentName, settings as schema, type SettingName } from '../../../src/lib/config/schema.js';
import type { Setting } from '../../../src/lib/config/setting.js';
import { sourcesWith } from './sources.js';

const file = '/home/ada/.local/share/macula/config.json';

function load(given: { flags?: Record<string, unknown>; env?: Record<string, string>; file?: unknown }): LoadedSettings {
  const files: Record<string, string> = given.file === undefined ? {} : { [file]: JSON.stringify(given.file) };
  return loadSettings(sourcesWith({ flags: given.flags ?? {}, env: given.env ?? {}, files }));
}

function problemsOf(given: Parameters<typeof load>[0]): { error: MaculaError; problems: SettingProblem[] } {
  try {
    load(given);
  } catch (error) {
    expect(error).to.be.instanceOf(MaculaError);
    return { error: error as MaculaError, problems: (error as MaculaError).details.problems as SettingProblem[] };
  }
  throw new Error('nothing was thrown');
}

describe('settings with nothing configured', () => {
  it('are the defaults, with directories filled in', () => {
    const { settings, warnings, configFile } = load({});
    const dataDir = '/home/ada/.local/share/macula';
    const directories = { dataDir, socket: `${dataDir}/control.sock`, certPath: `${dataDir}/cert.pem`, keyPath: `${dataDir}/key.pem` };
    expect(settings).to.deep.equal({ ...defaultSettings(), ...directories });
    expect(warnings).to.deep.equal([]);
    expect(configFile).to.equal(undefined);
  });

  it('have every default in its own range', () => {
    for (const [name, setting] of Object.entries(schema) as [SettingName, Setting][]) {
      expect(setting.schema.safeParse(setting.default).success, name).to.equal(true);
    }
  });

  it('come from nowhere but the defaults', () => {
    expect(new Set(Object.values(load({}).origins).map((each) => each.origin))).to.deep.equal(new Set(['default']));
  });
});

describe('settings take', () => {
  const all = { flags: { port: '1' }, env: { MACULA_QUIC_PORT: '2' }, file: { quicPort: 3 } };
  const cases: [string, Parameters<typeof load>[0], number, string, string][] = [
    ['the flag before all else', all, 1, 'flag', '--port'],
    ['the environment before the file', { ...all, flags: {} }, 2, 'environment', 'MACULA_QUIC_PORT'],
    ['the file before the default', { file: all.file }, 3, 'file', file],
    ['the default when nothing is said', {}, 4433, 'default', 'default'],
    ['an empty variable for none', { env: { MACULA_QUIC_PORT: '' }, file: all.file }, 3, 'file', file],
    ['an undefined flag for none', { flags: { port: undefined }, env: all.env }, 2, 'environment', 'MACULA_QUIC_PORT'],
  ];
  for (const [name, given, value, origin, source] of cases) {
    it(name, () => {
      const { settings, origins } = load(given);
      expect(settings.quicPort).to.equal(value);
      expect(origins.quicPort).to.deep.equal({ value: String(value), origin, source });
    });
  }
});

describe('a value is read', () => {
  const id = 'a'.repeat(64);
  const cases: [string, Parameters<typeof load>[0], SettingName, unknown, string][] = [
    ['as a duration', { env: { MACULA_IDLE_TIMEOUT: '1.5m' } }, 'idleTimeoutMs', 90_000, '90s'],
    ['as milliseconds in the file', { file: { idleTimeoutMs: 20_000 } }, 'idleTimeoutMs', 20_000, '20s'],
    ['as a size', { env: { MACULA_MAX_FRAME: '64KiB' } }, 'maxFrameBytes', 65_536, '64KiB'],
    ['as a list', { env: { MACULA_BOOTSTRAP_URL: ' https://a:1, ,b:2 ' } }, 'bootstrapUrl', ['https://a:1', 'b:2'], 'https://a:1,b:2'],
    ['as a list of the file', { file: { bootstrapUrl: [`macula://${id}@[::1]:4433`] } }, 'bootstrapUrl', [`macula://${id}@[::1]:4433`], `macula://${id}@[::1]:4433`],
    ['as false by --no-mdns', { flags: { mdns: false } }, 'mdns', false, 'false'],
    ['as false by "off"', { env: { MACULA_MDNS: 'off' } }, 'mdns', false, 'false'],
    ['as one of several names', { flags: { 'log-level': 'debug' } }, 'logLevel', 'debug', 'debug'],
    ['as a ratio', { env: { MACULA_RETRY_SAMPLE_RATIO: '0.5' } }, 'retrySampleRatio', 0.5, '0.5'],
    ['as a path relative to the working directory', { env: { MACULA_CERT_PATH: 'c.pem' } }, 'certPath', '/cwd/c.pem', '/cwd/c.pem'],
    ['as a path relative to the file', { file: { keyPath: 'k.pem' } }, 'keyPath', '/home/ada/.local/share/macula/k.pem', '/home/ada/.local/share/macula/k.pem'],
    ['as a secret nobody sees', { env: { MACULA_REALM_SECRET: '0123456789abcdef0123456789abcdef' } }, 'realmSecret', '0123456789abcdef0123456789abcdef', '(set)'],
  ];
  for (const [name, given, setting, value, shown] of cases) {
    it(name, () => {
      const { settings, origins } = load(given);
      expect(settings[setting]).to.deep.equal(value);
      expect(origins[setting].value).to.equal(shown);
    });
  }

  it('from the variable of every setting', () => {
    for (const name of Object.keys(schema) as SettingName[]) {
      if (['dataDir', 'socket', 'certPath', 'keyPath', 'realmSecret', 'host', 'bootstrapUrl', 'advertise', 'stunServers'].includes(name)) continue;
      const setting = schema[name] as Setting;
      const { origins } = load({ env: { [environmentName(name)]: setting.format(setting.default) } });
      expect(origins[name], name).to.deep.equal({ value: setting.format(setting.default), origin: 'environment', source: environmentName(name) });
    }
  });
});

describe('a wrong value is refused', () => {
  const secretHint = 'the output of `macula realm secret`, the same on every node of the realm';
  const cases: [Parameters<typeof load>[0], string][] = [
    [{ flags: { port: '70000' } }, 'quicPort (from --port) is "70000", but takes: whole number, 0 to 65535; write for example 4433'],
    [{ env: { MACULA_QUIC_PORT: '-1' } }, 'quicPort (from MACULA_QUIC_PORT) is "-1", but takes: whole number, 0 to 65535; write for example 4433'],
    [{ env: { MACULA_QUIC_PORT: '44.5' } }, 'quicPort (from MACULA_QUIC_PORT) is "44.5", but takes: whole number, 0 to 65535; write for example 4433'],
    [{ env: { GATEWAY_PORT: 'x' } }, 'quicPort (from GATEWAY_PORT) is "x", but takes: whole number, 0 to 65535; write for example 4433'],
    [{ file: { quicPort: null } }, `quicPort (from ${file}) is "null", but takes: whole number, 0 to 65535; write for example 4433`],
    [{ env: { MACULA_IDLE_TIMEOUT: '20000' } }, 'idleTimeoutMs (from MACULA_IDLE_TIMEOUT) is "20000", but takes: duration, 5s to 10m; write for example 20000ms'],
    [{ env: { MACULA_IDLE_TIMEOUT: '1' } }, 'idleTimeoutMs (from MACULA_IDLE_TIMEOUT) is "1", but takes: duration, 5s to 10m; write for example 45s'],
    [{ env: { MACULA_MAX_FRAME: '2048' } }, 'maxFrameBytes (from MACULA_MAX_FRAME) is "2048", but takes: size, 1KiB to 64MiB; write for example 2048B'],
    [{ env: { MACULA_MDNS: 'maybe' } }, 'mdns (from MACULA_MDNS) is "maybe", but takes: true or false; write for example true'],
    [{ flags: { 'log-level': 'debgu' } }, 'logLevel (from --log-level) is "debgu", but takes: one of trace, debug, info, warn, error, silent; write for example debug'],
    [{ file: { realm: 7 } }, `realm (from ${file}) is "7", but takes: text, at most 255 characters; write for example "7"`],
    [{ flags: { realm: 'r'.repeat(256) } }, `realm (from --realm) is "${'r'.repeat(100)}…", but takes: text, at most 255 characters; write for example a shorter text`],
    [{ file: { bootstrapUrl: 5 } }, `bootstrapUrl (from ${file}) is "5", but takes: comma-separated list, at most 64; write for example a list of at most 64 short texts`],
    [{ flags: { realm: '' } }, 'realm (from --realm) is "", which is empty; write the name of the mesh, or nothing at all for "macula"'],
    [{ flags: { realm: 'a\u001b[0m' } }, 'realm (from --realm) is "a\\u001b[0m", which has control characters in it; write a name of printable characters'],
    [{ flags: { host: 'localhost' } }, 'host (from --host) is "localhost", which is not an IP address; write an address of this machine, for example 127.0.0.1 or ::'],
    [{ file: { metricsHost: '' } }, `metricsHost (from ${file}) is "", which is empty; write 127.0.0.1, or :: for all interfaces`],
    [{ flags: { advertise: 'a:1' } }, 'advertise (from --advertise) is "a:1", where "a:1" is not an IP address and port; write 192.0.2.1:4433 or [2001:db8::1]:4433'],
    [{ flags: { bootstrap: 'https://ok:1,ftp://x' } }, 'bootstrapUrl (from --bootstrap) is "https://ok:1,ftp://x", where "ftp://x" is not the address of a node; write https://HOST:4433 or macula://NODE-ID@HOST:4433'],
    [{ flags: { bootstrap: 'macula://abc@h:1' } }, 'bootstrapUrl (from --bootstrap) is "macula://abc@h:1", where "macula://abc@h:1" is not the address of a node; write https://HOST:4433 or macula://NODE-ID@HOST:4433'],
    [{ env: { MACULA_KEEPALIVE_INTERVAL: '1m' } }, 'keepaliveIntervalMs (from MACULA_KEEPALIVE_INTERVAL) is "1m", which is more than idleTimeoutMs, which is 45s: connections would die between two keepalives; write at most 45s, or raise idleTimeoutMs'],
    [{ env: { MACULA_REALM_SECRET: 'hunter2' } }, `realmSecret (from MACULA_REALM_SECRET) is a secret, which is too short to hold 128 random bits (32 hex digits, or 22 characters of base64); write ${secretHint}`],
    [{ env: { MACULA_REALM_SECRET: '0123456789abcdef0123456789abcde' } }, `realmSecret (from MACULA_REALM_SECRET) is a secret, which is too short to hold 128 random bits (32 hex digits, or 22 characters of base64); write ${secretHint}`],
    [{ env: { MACULA_REALM_SECRET: 'x'.repeat(40) } }, `realmSecret (from MACULA_REALM_SECRET) is a secret, which repeats too few different characters to be random; write ${secretHint}`],
    [{ flags: { socket: `/${'s'.repeat(107)}` } }, `socket (from --socket) is "/${'s'.repeat(99)}…", which is 108 bytes long; the system allows 107 for a socket's path; write a shorter path with --socket or MACULA_SOCKET`],
    [{ file: { quicPrt: 1 } }, `${file} sets "quicPrt", which is no setting; write quicPort`],
    [{ file: { MACULA_REALM: 'a' } }, `${file} sets "MACULA_REALM", which is no setting; write realm`],
    [{ file: { 'log-level': 'info' } }, `${file} sets "log-level", which is no setting; write logLevel`],
    [{ file: { zzzzzzzzzz: 1 } }, `${file} sets "zzzzzzzzzz", which is no setting; write a name from docs/CONFIGURATION.md`],
  ];
  for (const [given, message] of cases) {
    it(JSON.stringify(given), () => {
      const { error } = problemsOf(given);
      expect(error.code).to.equal('MACULA_INVALID_CONFIG');
      expect(error.exitCode).to.equal(2);
      expect(error.message).to.equal(message);
    });
  }

  it('together with all others, each with setting, value, origin and range', () => {
    const { error, problems } = problemsOf({ flags: { port: 'x' }, env: { MACULA_MDNS: '2' }, file: { host: 'h', nonsense: 1 } });
    expect(error.message.split('\n')).to.have.lengthOf(5);
    expect(error.message).to.match(/^4 settings are wrong:\n {2}/);
    expect(problems.map((each) => each.setting).sort()).to.deep.equal(['host', 'mdns', 'nonsense', 'quicPort']);
    expect(problems.find((each) => each.setting === 'mdns')).to.deep.include({ value: '2', origin: 'environment', source: 'MACULA_MDNS', allowed: 'true or false' });
  });

  it('without the secret being shown', () => {
    const long = problemsOf({ env: { MACULA_REALM_SECRET: 'hunter2'.repeat(200) } }).error;
    const short = problemsOf({ env: { MACULA_REALM_SECRET: 'hunter2' } }).error;
    for (const error of [long, short]) expect(JSON.stringify(error) + error.message).not.to.contain('hunter2');
  });

  it('and a key that every object has is still unknown', () => {
    const { problems } = problemsOf({ file: JSON.parse('{"__proto__":{"quicPort":1},"constructor":1}') as unknown });
    expect(problems.map((each) => each.setting).sort()).to.deep.equal(['__proto__', 'constructor']);
  });
});

describe('a realm secret of 128 bits is accepted', () => {
  for (const secret of ['0123456789abcdef0123456789ABCDEF', 'kP3xTq8ZrW5yLm2NvB7cQd', 'correct horse battery staple']) {
    it(secret, () => expect(load({ env: { MACULA_REALM_SECRET: secret } }).settings.realmSecret).to.equal(secret));
  }
});

describe('variables of v0.8', () => {
  const renamed = (message: string): { code: string; message: string }[] => [{ code: 'renamed-variable', message }];

  it('MACULA_MODE gives one warning and changes nothing', () => {
    const { settings, warnings } = load({ env: { MACULA_MODE: 'gateway' } });
    expect(settings).to.deep.equal(load({}).settings);
    expect(warnings).to.deep.equal([{ code: 'removed-variable', message: 'MACULA_MODE has no effect any more: every node has every capability. Remove it.' }]);
  });

  it('GATEWAY_PORT sets the port with a warning', () => {
    const { settings, warnings, origins } = load({ env: { GATEWAY_PORT: '9443' } });
    expect(settings.quicPort).to.equal(9443);
    expect(origins.quicPort.source).to.equal('GATEWAY_PORT');
    expect(warnings).to.deep.equal(renamed('GATEWAY_PORT is now called MACULA_QUIC_PORT. Its value is used; rename it.'));
  });

  it('MACULA_GATEWAY_URL sets the bootstrap nodes with a warning', () => {
    const { settings, warnings } = load({ env: { MACULA_GATEWAY_URL: 'https://a:1' } });
    expect(settings.bootstrapUrl).to.deep.equal(['https://a:1']);
    expect(warnings).to.deep.equal(renamed('MACULA_GATEWAY_URL is now called MACULA_BOOTSTRAP_URL. Its value is used; rename it.'));
  });

  it('TLS_CERT_FILE, TLS_KEY_FILE and MACULA_BOOTSTRAP_PEERS work on with a warning each', () => {
    const { settings, warnings } = load({ env: { TLS_CERT_FILE: '/c.pem', TLS_KEY_FILE: '/k.pem', MACULA_BOOTSTRAP_PEERS: 'https://a:1,https://b:2' } });
    expect(settings).to.deep.include({ certPath: '/c.pem', keyPath: '/k.pem', bootstrapUrl: ['https://a:1', 'https://b:2'] });
    expect(warnings.map(({ code }) => code)).to.deep.equal(['renamed-variable', 'renamed-variable', 'renamed-variable']);
  });

  it('lose against the new name', () => {
    const { settings, warnings } = load({ env: { GATEWAY_PORT: '1', MACULA_QUIC_PORT: '2' } });
    expect(settings.quicPort).to.equal(2);
    expect(warnings).to.deep.equal(renamed('GATEWAY_PORT is now called MACULA_QUIC_PORT. It is ignored because MACULA_QUIC_PORT is set; rename it.'));
  });

  it('lose against a flag and win against the file', () => {
    expect(load({ env: { GATEWAY_PORT: '1' }, flags: { port: '3' } }).settings.quicPort).to.equal(3);
    expect(load({ env: { GATEWAY_PORT: '1' }, file: { quicPort: 4 } }).settings.quicPort).to.equal(1);
  });

  it('say nothing when empty', () => expect(load({ env: { GATEWAY_PORT: '', MACULA_MODE: '' } }).warnings).to.deep.equal([]));
});

describe('unknown MACULA_ variables', () => {
  it('are warned of with the name that was meant', () => {
    expect(load({ env: { MACULA_QUIC_PRT: '1', MACULA_ZZZZZZZZ: '1' } }).warnings).to.deep.equal([
      { code: 'unknown-variable', message: 'MACULA_QUIC_PRT is no setting of Macula and has no effect. Did you mean MACULA_QUIC_PORT?' },
      { code: 'unknown-variable', message: 'MACULA_ZZZZZZZZ is no setting of Macula and has no effect.' },
    ]);
  });

  it('are let be where Kubernetes sets them', () => {
    const env = { MACULA_SERVICE_HOST: '10.0.0.1', MACULA_SERVICE_PORT_QUIC: '4433', MACULA_PORT: 'udp://10.0.0.1:4433', MACULA_PORT_4433_UDP_ADDR: '10.0.0.1' };
    expect(load({ env }).warnings).to.deep.equal([]);
  });

  it('do not include those of clients', () => expect(load({ env: { MACULA_TIMEOUT: '1s' } }).warnings).to.deep.equal([]));
});

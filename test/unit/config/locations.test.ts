import { expect } from 'chai';
import type { MaculaError } from '../../../src/lib/base/errors.js';
import { findClientLocation } from '../../../src/lib/config/client-location.js';
import { findLocations, type ConfigSources } from '../../../src/lib/config/locations.js';
import { sourcesWith } from './sources.js';

type Changes = Parameters<typeof sourcesWith>[0];

function failure(action: () => unknown): MaculaError {
  try {
    action();
  } catch (error) {
    return error as MaculaError;
  }
  throw new Error('nothing was thrown');
}

describe('the data directory', () => {
  const cases: [string, Changes, string][] = [
    ['is /var/lib/macula for root', { uid: 0, env: { XDG_DATA_HOME: '/x' } }, '/var/lib/macula'],
    ['is in $XDG_DATA_HOME for anybody else', { env: { XDG_DATA_HOME: '/x' } }, '/x/macula'],
    ['ignores a relative $XDG_DATA_HOME', { env: { XDG_DATA_HOME: 'x' } }, '/home/ada/.local/share/macula'],
    ['is in ~/.local/share without it', {}, '/home/ada/.local/share/macula'],
    ['is in %LOCALAPPDATA% on Windows', { platform: 'win32', uid: undefined, env: { LOCALAPPDATA: 'C:\\Users\\ada\\AppData\\Local' } }, 'C:\\Users\\ada\\AppData\\Local\\macula'],
    ['is under the profile on Windows without it', { platform: 'win32', uid: undefined, home: 'C:\\Users\\ada' }, 'C:\\Users\\ada\\AppData\\Local\\macula'],
    ['is what MACULA_DATA_DIR says', { env: { MACULA_DATA_DIR: '/d' } }, '/d'],
    ['ignores an empty MACULA_DATA_DIR', { env: { MACULA_DATA_DIR: '' } }, '/home/ada/.local/share/macula'],
    ['is what --data-dir says before MACULA_DATA_DIR', { flags: { 'data-dir': '/f' }, env: { MACULA_DATA_DIR: '/d' } }, '/f'],
    ['is relative to the working directory', { flags: { 'data-dir': './f' } }, '/cwd/f'],
    ['expands ~/', { env: { MACULA_DATA_DIR: '~/mesh' } }, '/home/ada/mesh'],
    ['can come from a named configuration file, relative to it', { env: { MACULA_CONFIG: '/etc/macula.json' }, files: { '/etc/macula.json': '{"dataDir":"mesh"}' } }, '/etc/mesh'],
  ];
  for (const [name, changes, expected] of cases) {
    it(name, () => expect(findLocations(sourcesWith(changes)).dataDir.path).to.equal(expected));
  }

  it('cannot be found without a home, and the error says what to set', () => {
    const error = failure(() => findLocations(sourcesWith({ home: '' })));
    expect(error.code).to.equal('MACULA_INVALID_CONFIG');
    expect(error.hint).to.contain('MACULA_DATA_DIR');
  });

  it('cannot be moved by the configuration file inside it', () => {
    const files = { '/d/config.json': '{"dataDir":"/elsewhere"}' };
    const error = failure(() => findLocations(sourcesWith({ env: { MACULA_DATA_DIR: '/d' }, files })));
    expect(error.message).to.equal('/d/config.json sets dataDir, but is itself found through the data directory');
  });
});

describe('the control socket', () => {
  const files = { '/d/config.json': '{"socket":"run/c.sock"}' };
  const cases: [string, Changes, string, string][] = [
    ['is in the data directory', { env: { MACULA_DATA_DIR: '/d' } }, '/d/control.sock', 'default'],
    ['is what the file says, relative to it', { env: { MACULA_DATA_DIR: '/d' }, files }, '/d/run/c.sock', 'file'],
    ['is what MACULA_SOCKET says, even with --data-dir', { flags: { 'data-dir': '/d' }, env: { MACULA_SOCKET: '/s' }, files }, '/s', 'environment'],
    ['is what --socket says before everything', { flags: { socket: '/f', 'data-dir': '/d' }, env: { MACULA_SOCKET: '/s' }, files }, '/f', 'flag'],
  ];
  for (const [name, changes, path, origin] of cases) {
    it(name, () => expect(findLocations(sourcesWith(changes)).socket).to.include({ path, origin }));
  }

  it('is a named pipe on Windows, one for each data directory', () => {
    const windows: Partial<ConfigSources> = { platform: 'win32', uid: undefined, home: 'C:\\Users\\ada' };
    const pipe = (dataDir: string): string => findLocations(sourcesWith({ ...windows, env: { MACULA_DATA_DIR: dataDir } })).socket.path;
    expect(pipe('C:\\a')).to.match(/^\\\\\.\\pipe\\macula-[0-9a-f]{16}$/);
    expect(pipe('C:\\A')).to.equal(pipe('C:\\a'));
    expect(pipe('C:\\b')).not.to.equal(pipe('C:\\a'));
  });
});

describe('the configuration file', () => {
  it('is config.json in the data directory if there is one', () => {
    const found = findLocations(sourcesWith({ env: { MACULA_DATA_DIR: '/d' }, files: { '/d/config.json': '{"quicPort":1}' } }));
    expect(found).to.deep.include({ configFile: '/d/config.json', fileValues: { quicPort: 1 } });
    expect(findLocations(sourcesWith()).configFile).to.equal(undefined);
  });

  it('is the one of --config before MACULA_CONFIG', () => {
    const files = { '/a': '{}', '/b': '{}' };
    expect(findLocations(sourcesWith({ flags: { config: '/a' }, env: { MACULA_CONFIG: '/b' }, files })).configFile).to.equal('/a');
  });

  const broken: [string, Changes, string, RegExp][] = [
    ['named and missing', { env: { MACULA_CONFIG: '/c' } }, 'MACULA_INVALID_CONFIG', /^the configuration file \/c does not exist$/],
    ['that is not JSON', { env: { MACULA_CONFIG: '/c' }, files: { '/c': '{' } }, 'MACULA_INVALID_CONFIG', /^the configuration file \/c is not JSON: /],
    ['that is a list', { env: { MACULA_CONFIG: '/c' }, files: { '/c': '[]' } }, 'MACULA_INVALID_CONFIG', /^the configuration file \/c is not a JSON object$/],
  ];
  for (const [name, changes, code, message] of broken) {
    it(`${name} is refused`, () => {
      const error = failure(() => findLocations(sourcesWith(changes)));
      expect(error.code).to.equal(code);
      expect(error.message).to.match(message);
    });
  }

  it('that may not be read is a matter of permission', () => {
    const readFile = (): never => {
      throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
    };
    expect(failure(() => findLocations(sourcesWith({ readFile }))).code).to.equal('MACULA_PERMISSION_DENIED');
  });
});

describe('where a client finds its node', () => {
  it('is all derived from the data directory', () => {
    expect(findClientLocation(sourcesWith({ flags: { 'data-dir': '/d' } }))).to.deep.equal({
      dataDir: '/d',
      socketPath: '/d/control.sock',
      pidFile: '/d/node.pid',
      socketGiven: false,
      timeoutMs: 5000,
    });
  });

  it('needs no configuration file that it may not read, so that the socket can say whose node it is', () => {
    const readFile = (): never => {
      throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
    };
    expect(findClientLocation(sourcesWith({ flags: { 'data-dir': '/d' }, readFile })).socketPath).to.equal('/d/control.sock');
    expect(failure(() => findClientLocation(sourcesWith({ flags: { config: '/c' }, readFile }))).code).to.equal('MACULA_PERMISSION_DENIED');
  });

  it('takes MACULA_TIMEOUT for its patience', () => {
    expect(findClientLocation(sourcesWith({ env: { MACULA_TIMEOUT: '250ms' } })).timeoutMs).to.equal(250);
    expect(failure(() => findClientLocation(sourcesWith({ env: { MACULA_TIMEOUT: '250' } }))).code).to.equal('MACULA_USAGE');
  });

  it('refuses a socket path longer than the system allows and says how to get round it', () => {
    const dataDir = `/${'d'.repeat(100)}`;
    const error = failure(() => findClientLocation(sourcesWith({ flags: { 'data-dir': dataDir } })));
    expect(error.message).to.equal(`the control socket ${dataDir}/control.sock is 114 bytes long; the system allows 107 for a socket's path`);
    expect(error.hint).to.contain('--socket');
  });

  const limits: [NodeJS.Platform, number][] = [['linux', 107], ['darwin', 103], ['freebsd', 103]];
  for (const [platform, longest] of limits) {
    it(`allows exactly ${longest} bytes on ${platform}`, () => {
      const socket = (length: number): ConfigSources => sourcesWith({ platform, flags: { socket: `/${'s'.repeat(length - 1)}` } });
      expect(findClientLocation(socket(longest)).socketPath).to.have.lengthOf(longest);
      expect(failure(() => findClientLocation(socket(longest + 1))).code).to.equal('MACULA_INVALID_CONFIG');
    });
  }
});

import { expect } from 'chai';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished, macula, manifestCommands, onlyObject, spawnMacula, type FailureJson } from '../support/cli.js';

const id = 'a'.repeat(64);
const nobody = 65_534;
/** What these commands ask for beside their arguments, or would wait for. */
const flagsNeeded: Readonly<Record<string, string[]>> = { 'node:wait': ['--timeout', '300ms'], 'rpc:serve': ['--exec', 'true'] };

describe('commands without a node', () => {
  let dataDir: string;
  before(() => void (dataDir = mkdtempSync(join(tmpdir(), 'macula-no-node-'))));
  after(() => rmSync(dataDir, { recursive: true, force: true }));

  for (const command of manifestCommands().filter(({ needsNode }) => needsNode)) {
    const required = Object.values(command.args).filter((argument) => argument.required).map(() => id);
    const args = [...command.id.split(':'), ...required, '--data-dir', join(tmpdir(), 'macula-nowhere'), ...(flagsNeeded[command.id] ?? [])];

    it(`${command.id.replace(':', ' ')} says that no node runs, exits with 3, with and without --json`, async () => {
      const [text, json] = await Promise.all([macula(args), macula([...args, '--json'])]);
      expect(text.code, text.stderr).to.equal(3);
      expect(text.stdout).to.equal('');
      expect(text.stderr).to.include('no node is running for').and.to.include('macula node start');
      expect(json.code).to.equal(3);
      expect(onlyObject<FailureJson>(json).error.code).to.equal('MACULA_NO_NODE');
    });
  }

  it('takes the data directory of a flag before that of the environment', async () => {
    const result = await macula(['node', 'status', '--json', '--data-dir', '/from-flag'], { env: { MACULA_DATA_DIR: '/from-environment' } });
    expect(onlyObject<FailureJson>(result).error.details.dataDir).to.equal('/from-flag');
  });

  it('takes a socket before any data directory', async () => {
    const result = await macula(['node', 'status', '--json', '--data-dir', '/some/dir'], { env: { MACULA_SOCKET: '/other/control.sock' } });
    expect(onlyObject<FailureJson>(result).error.details.socket).to.equal('/other/control.sock');
  });

  it('gives up on a socket that never answers after --timeout', async () => {
    const socket = join(dataDir, 'silent.sock');
    const server = await listening(createServer(() => undefined), socket);
    try {
      const result = await macula(['node', 'status', '--json', '--socket', socket, '--timeout', '200ms']);
      expect(result.code).to.equal(3);
      expect(onlyObject<FailureJson>(result).error.code).to.equal('MACULA_NODE_NOT_ANSWERING');
    } finally {
      server.close();
    }
  });

  it('is interrupted at once by Ctrl-C and exits with 130', async () => {
    const socket = join(dataDir, 'waiting.sock');
    let interrupt = (): void => undefined;
    const server = await listening(createServer((connection) => {
      connection.on('error', () => undefined);
      interrupt();
    }), socket);
    try {
      const child = spawnMacula(['node', 'status', '--json', '--socket', socket, '--timeout', '1m']);
      interrupt = () => void child.kill('SIGINT');
      const result = await finished(child);
      expect(result.code).to.equal(130);
      expect(onlyObject<FailureJson>(result).error.code).to.equal('MACULA_ABORTED');
    } finally {
      server.close();
    }
  });

  it('tells a socket of somebody else from a missing node', async () => {
    const socket = join(dataDir, 'foreign.sock');
    const server = await listening(createServer(() => undefined), socket);
    try {
      chmodSync(socket, 0o000);
      chmodSync(dataDir, 0o755);
      // Root may use every socket.
      const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
      const result = await macula(['node', 'status', '--json', '--socket', socket], user);
      expect(result.code).to.equal(6);
      expect(onlyObject<FailureJson>(result).error.code).to.equal('MACULA_CONTROL_REFUSED');
    } finally {
      server.close();
    }
  });
});

function listening(server: Server, socket: string): Promise<Server> {
  return new Promise((resolve) => server.listen(socket, () => resolve(server)));
}

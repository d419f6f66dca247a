import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { judgeBuffers, judgeClock, judgeDescriptors, judgeDirectory, judgeDisk, judgePort, type DirectoryFacts } from '../../../src/lib/doctor/local-checks.js';

const MiB = 1024 * 1024;
const directory: DirectoryFacts = { path: '/data', kind: 'directory', usable: true, mode: 0o700, foreignOwner: undefined };

describe('what doctor makes of a data directory', () => {
  const table: [what: string, facts: Partial<DirectoryFacts>, status: string, fix: RegExp | null][] = [
    ['a private one is fine', {}, 'ok', null],
    ['one that others may look into is a warning', { mode: 0o755 }, 'warning', /^chmod 700 \/data$/],
    ['one that is absent and can be made is fine', { kind: 'absent', mode: undefined }, 'ok', null],
    ['one that is absent and cannot be made fails', { kind: 'absent', usable: false, mode: undefined }, 'failure', /install -d/],
    ['a file in its place fails', { kind: 'file' }, 'failure', /another --data-dir/],
    ['one of another user fails with how to become that user', { usable: false, foreignOwner: 'macula' }, 'failure', /^Run this as that user: sudo -u macula macula doctor --data-dir \/data$/],
    ['one that may not be looked at fails', { kind: 'hidden', usable: false, mode: undefined }, 'failure', /Give this user the right/],
  ];
  for (const [what, facts, status, fix] of table) {
    it(what, () => {
      const check = judgeDirectory({ ...directory, ...facts });
      expect(check).to.include({ id: 'data-dir', status });
      if (fix === null) expect(check.fix).to.equal(null);
      else expect(check.fix).to.match(fix);
    });
  }
});

describe('what doctor makes of this machine', () => {
  it('disk space: warns when the store may not grow to its size, fails when it cannot be written soon', () => {
    const status = (freeBytes: number): string => judgeDisk({ path: '/data', freeBytes, storeBytes: 64 * MiB }).status;
    expect([status(128 * MiB), status(128 * MiB - 1), status(16 * MiB), status(16 * MiB - 1), status(0)]).to.deep.equal(['ok', 'warning', 'warning', 'failure', 'failure']);
  });

  it('clock: fails where it was never set, warns where the store was written in its future', () => {
    const wallMs = Date.UTC(2027, 5, 1);
    expect(judgeClock({ wallMs: Date.UTC(1970, 0, 1), lastWrittenMs: undefined }).status).to.equal('failure');
    expect(judgeClock({ wallMs, lastWrittenMs: wallMs + 4 * 60_000 }).status).to.equal('ok');
    expect(judgeClock({ wallMs, lastWrittenMs: wallMs + 6 * 60_000 })).to.include({ status: 'warning' }).and.to.have.property('fix').that.includes('timedatectl');
  });

  it('port: a free one and 0 are fine, a taken one fails with how to find who has it', () => {
    const facts = { protocol: 'udp', host: '', port: 4433, error: undefined } as const;
    expect(judgePort(facts)).to.include({ id: 'udp-port', status: 'ok' });
    expect(judgePort({ ...facts, port: 0 }).status).to.equal('ok');
    const taken = judgePort({ ...facts, error: new MaculaError('MACULA_PORT_IN_USE', 'taken') });
    expect(taken).to.include({ status: 'failure', summary: 'UDP port 4433 is taken by another process, so a node cannot start on it' });
    expect(taken.fix).to.include("ss -ulnp 'sport = :4433'");
    expect(judgePort({ ...facts, protocol: 'tcp', host: '127.0.0.1', port: 80, error: new MaculaError('MACULA_PERMISSION_DENIED', 'no', { hint: 'be root' }) })).to.deep.equal({ id: 'metrics-port', status: 'failure', summary: 'no', fix: 'be root' });
  });

  it('UDP buffers: the smaller of both counts, and the fix names the size that is wanted', () => {
    const facts = { wantedBytes: 4 * MiB, receiveBytes: 4 * MiB, sendBytes: 4 * MiB, platform: 'linux' } as const;
    expect(judgeBuffers(facts).status).to.equal('ok');
    const small = judgeBuffers({ ...facts, sendBytes: 212_992 });
    expect(small).to.include({ status: 'warning' });
    expect(small.summary).to.include('208 KiB').and.to.include('4 MiB');
    expect(small.fix).to.include('net.core.rmem_max=4194304');
  });

  it('descriptors: few fail, less than usual or nearly all used warn, an unknown limit is no check', () => {
    const status = (limit: number | undefined, used?: number): string | undefined => judgeDescriptors({ limit, used })?.status;
    expect([status(100), status(500), status(1024), status(1024, 800), status(1024, 900), status(undefined)]).to.deep.equal(['failure', 'warning', 'ok', 'ok', 'warning', undefined]);
  });
});

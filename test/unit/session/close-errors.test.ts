import { expect } from 'chai';
import { closedError, refusalError } from '../../../src/lib/session/close-errors.js';
import { CloseCode } from '../../../src/lib/transport/endpoint.js';

describe('errors of closed connections', () => {
  const rows: [keyof typeof CloseCode, string][] = [
    ['protocolViolation', 'MACULA_PROTOCOL_VIOLATION'],
    ['admissionTimeout', 'MACULA_TIMED_OUT'],
    ['realmMismatch', 'MACULA_REALM_MISMATCH'],
    ['realmProofFailed', 'MACULA_REALM_PROOF_FAILED'],
    ['versionMismatch', 'MACULA_VERSION_MISMATCH'],
    ['untrusted', 'MACULA_PEER_UNTRUSTED'],
    ['overloaded', 'MACULA_OVERLOADED'],
    ['certificateRefused', 'MACULA_PEER_REFUSED'],
    ['shuttingDown', 'MACULA_PEER_REFUSED'],
    ['resumedSession', 'MACULA_PEER_REFUSED'],
  ];
  for (const [name, code] of rows) {
    it(`a peer that closes before admission with ${name} means ${code}, with its reason`, () => {
      const error = refusalError({ by: 'remote', code: CloseCode[name], reason: 'because' });
      expect([error.code, error.message, error.details]).to.deep.equal([code, 'the other side refused: because', { closeCode: CloseCode[name], by: 'remote' }]);
    });
  }

  it('a connection that falls silent or breaks before admission is unreachable', () => {
    for (const by of ['timeout', 'error'] as const) expect(refusalError({ by, code: 4, reason: 'x' }).code).to.equal('MACULA_UNREACHABLE');
  });

  it('what waits learns that the connection closed, and why', () => {
    const error = closedError({ by: 'remote', code: CloseCode.requested, reason: 'bye' });
    expect([error.code, error.message, error.retryable]).to.deep.equal(['MACULA_CONNECTION_CLOSED', 'the connection to the peer ended: bye', true]);
  });
});

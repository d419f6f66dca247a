import { expect } from 'chai';
import fc from 'fast-check';
import { addressScope, formatAddress, parseAddress, type SocketAddress } from '../../../src/lib/base/address.js';
import { offeredCandidates, probedCandidates } from '../../../src/lib/nat/candidates.js';
import { maxCandidates, type WireCandidate } from '../../../src/lib/wire/punch.js';

const at = (text: string): SocketAddress => parseAddress(text)!;
const texts = (candidates: readonly WireCandidate[]): string[] => candidates.map(({ kind, address }) => `${kind} ${formatAddress(address)}`);

describe('candidates offered to a peer', () => {
  it('come with what reaches furthest first, each address once', () => {
    const own = { mapped: [at('198.51.100.1:5000')], observed: [at('198.51.100.1:4433'), at('[2001:db8::1]:4433')], local: [at('10.0.0.2:4433'), at('[2001:db8::1]:4433')] };
    expect(texts(offeredCandidates(own))).to.deep.equal(['mapped 198.51.100.1:5000', 'observed 198.51.100.1:4433', 'observed [2001:db8::1]:4433', 'local 10.0.0.2:4433']);
  });

  const never = ['127.0.0.1:4433', '[::1]:4433', '0.0.0.0:4433', '224.0.0.1:4433', '255.255.255.255:4433', '[fe80::1]:4433', '[ff02::1]:4433'];
  for (const text of never) it(`never include ${text}`, () => expect(offeredCandidates({ local: [at(text)], mapped: [at(text)], observed: [at(text)] })).to.deep.equal([]));

  it('do not let one kind crowd out the others', () => {
    const local = Array.from({ length: 50 }, (_, index) => ({ host: `10.0.0.${index + 1}`, port: 4433 }));
    const offered = offeredCandidates({ local, mapped: [], observed: [at('198.51.100.1:4433')] });
    expect(offered[0]!.kind).to.equal('observed');
    expect(offered.length).to.be.at.most(11);
  });
});

describe('candidates of a peer that are probed', () => {
  it('begin with the predicted ones, in their order', () => {
    const offered: WireCandidate[] = [
      { kind: 'observed', address: at('198.51.100.1:4433') },
      { kind: 'predicted', address: at('198.51.100.1:30001') },
      { kind: 'predicted', address: at('198.51.100.1:30002') },
    ];
    expect(texts(probedCandidates(offered, []))).to.deep.equal(['predicted 198.51.100.1:30001', 'predicted 198.51.100.1:30002', 'observed 198.51.100.1:4433']);
  });

  it('leave out this node itself', () => {
    const offered: WireCandidate[] = [{ kind: 'local', address: at('10.0.0.2:4433') }, { kind: 'local', address: at('10.0.0.3:4433') }];
    expect(texts(probedCandidates(offered, [at('10.0.0.2:4433')]))).to.deep.equal(['local 10.0.0.3:4433']);
  });

  it('are never more than the limit nor of a scope that must not be probed, whatever is offered', () => {
    const host = fc.oneof(fc.ipV4(), fc.constantFrom('127.0.0.1', '::1', 'fe80::1', '0.0.0.0', '224.0.0.251', '10.0.0.1'));
    const candidate = fc.record({ kind: fc.constantFrom('local', 'mapped', 'observed', 'predicted'), address: fc.record({ host, port: fc.integer({ min: 1, max: 65_535 }) }) });
    fc.assert(fc.property(fc.array(candidate, { maxLength: 64 }), (offered) => {
      const probed = probedCandidates(offered as WireCandidate[], []);
      expect(probed.length).to.be.at.most(maxCandidates);
      for (const { address } of probed) expect(addressScope(address.host)).to.be.oneOf(['private', 'public', 'link-local']);
    }));
  });
});

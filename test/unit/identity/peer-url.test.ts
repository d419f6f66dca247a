import { expect } from 'chai';
import fc from 'fast-check';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { parsePeerUrl } from '../../../src/lib/identity/peer-url.js';

const id = 'ab'.repeat(32);

describe('addresses of nodes', () => {
  const accepted: [string, { host: string; port: number; nodeId?: string; url: string }][] = [
    ['https://example.org', { host: 'example.org', port: 4433, url: 'https://example.org:4433' }],
    ['https://EXAMPLE.org:9000/', { host: 'example.org', port: 9000, url: 'https://example.org:9000' }],
    ['HTTPS://example.org.', { host: 'example.org', port: 4433, url: 'https://example.org:4433' }],
    [' example.org:4433 ', { host: 'example.org', port: 4433, url: 'https://example.org:4433' }],
    ['localhost', { host: 'localhost', port: 4433, url: 'https://localhost:4433' }],
    ['node_1.mesh-a:1', { host: 'node_1.mesh-a', port: 1, url: 'https://node_1.mesh-a:1' }],
    ['192.0.2.7:65535', { host: '192.0.2.7', port: 65_535, url: 'https://192.0.2.7:65535' }],
    ['[2001:DB8:0::1]', { host: '2001:db8::1', port: 4433, url: 'https://[2001:db8::1]:4433' }],
    ['https://[::1]:5', { host: '::1', port: 5, url: 'https://[::1]:5' }],
    ['[::ffff:192.0.2.7]:5', { host: '192.0.2.7', port: 5, url: 'https://192.0.2.7:5' }],
    ['https://bücher.example', { host: 'xn--bcher-kva.example', port: 4433, url: 'https://xn--bcher-kva.example:4433' }],
    [`macula://${id.toUpperCase()}@Host:77`, { host: 'host', port: 77, nodeId: id, url: `macula://${id}@host:77` }],
    [`macula://${id}@[::1]`, { host: '::1', port: 4433, nodeId: id, url: `macula://${id}@[::1]:4433` }],
  ];
  for (const [written, read] of accepted) {
    it(`${JSON.stringify(written)} is read as ${read.url}`, () => expect(parsePeerUrl(written)).to.deep.equal(read));
    it(`${read.url} is read as itself`, () => expect(parsePeerUrl(read.url).url).to.equal(read.url));
  }

  const refused: [string, RegExp, RegExp][] = [
    ['', /empty/, /https:\/\/HOST/],
    ['https://', /host is missing/, /HOST:PORT/],
    [':4433', /host is missing/, /HOST:PORT/],
    ['http://example.org', /http:\/\/ is not a scheme/, /https:\/\/HOST/],
    ['quic://example.org', /not a scheme/, /https:\/\/HOST/],
    ['https://example.org/path', /nothing may follow/, /HOST:PORT/],
    ['https://example.org?x=1', /nothing may follow/, /HOST:PORT/],
    ['https://example.org:0', /port "0"/, /4433/],
    ['example.org:65536', /port "65536"/, /4433/],
    ['example.org:', /port ""/, /4433/],
    ['example.org:44x', /port "44x"/, /4433/],
    ['::1', /brackets/, /\[::1\]:4433/],
    ['2001:db8::1:4433', /brackets/, /Write it like \[/],
    ['[192.0.2.1]:4433', /not an IPv6/, /HOST:PORT/],
    ['[nonsense]:4433', /not an IPv6/, /HOST:PORT/],
    ['[::1', /brackets|neither/, /./],
    ['[fe80::1%eth0]:4433', /zone/, /another address/],
    ['127.1:4433', /neither a host name/, /HOST:PORT/],
    ['0x7f.0.0.1:4433', /neither a host name/, /HOST:PORT/],
    ['2130706433', /neither a host name/, /HOST:PORT/],
    ['bad host:1', /neither a host name/, /HOST:PORT/],
    ['-x.example:1', /neither a host name/, /HOST:PORT/],
    [`${'a'.repeat(64)}:1`, /neither a host name/, /HOST:PORT/],
    ['macula://example.org:4433', /needs the id/, /remember the id on first use/],
    ['macula://abc@example.org', /not a node id/, /64 hexadecimal/],
    [`https://${id}@example.org`, /only macula:\/\//, /macula:\/\/NODE-ID/],
    ['user:secret@example.org', /only macula:\/\//, /macula:\/\/NODE-ID/],
  ];
  for (const [written, message, hint] of refused) {
    it(`${JSON.stringify(written)} is refused with what to write instead`, () => {
      const error = (() => {
        try {
          return parsePeerUrl(written);
        } catch (thrown) {
          return thrown;
        }
      })();
      expect(error).to.be.instanceOf(MaculaError);
      const { code, message: said, hint: advice } = error as MaculaError;
      expect(code).to.equal('MACULA_USAGE');
      expect(said).to.match(message);
      expect(advice).to.match(hint);
    });
  }

  it('any text is read as something that reads as itself, or refused as wrong usage', () => {
    const pieces = fc.constantFrom('https://', 'macula://', id, '@', 'host', '.', ':', '[', ']', '::1', '127.0.0.1', '4433', '/', 'é', '%', '0x');
    const text = fc.oneof(fc.string(), fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join('')));
    fc.assert(fc.property(text, (written) => {
      let url: string;
      try {
        url = parsePeerUrl(written).url;
      } catch (error) {
        expect((error as MaculaError).code).to.equal('MACULA_USAGE');
        return;
      }
      expect(parsePeerUrl(url).url).to.equal(url);
    }), { numRuns: 3000 });
  });
});

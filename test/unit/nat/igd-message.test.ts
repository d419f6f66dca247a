import { expect } from 'chai';
import fc from 'fast-check';
import { readDescription, readElement, readSearchAnswer } from '../../../src/lib/nat/igd-message.js';

const answer = (location: string): Buffer => Buffer.from(`HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: x\r\nLocation: ${location}\r\nEXT:\r\n\r\n`);
const service = (type: string, url: string): string => `<service><serviceType>${type}</serviceType><serviceId>x</serviceId><controlURL>${url}</controlURL></service>`;
const base = new URL('http://10.0.0.1:5000/rootDesc.xml');

describe('messages of UPnP', () => {
  it('tell where a gateway has its description', () => {
    expect(readSearchAnswer(answer('http://10.0.0.1:5000/rootDesc.xml'), '10.0.0.1')?.href).to.equal(base.href);
  });

  for (const location of ['http://10.0.0.7:5000/x', 'http://169.254.169.254/latest', 'https://10.0.0.1/x', 'file:///etc/passwd', 'http://user:word@10.0.0.1/', 'nonsense', '', `http://10.0.0.1/${'x'.repeat(600)}`]) {
    it(`make nobody ask ${location.slice(0, 40) || 'an empty location'}`, () => expect(readSearchAnswer(answer(location), '10.0.0.1')).to.equal(undefined));
  }

  it('that are no answer to a search are none', () => {
    for (const text of ['', 'NOTIFY * HTTP/1.1\r\nLOCATION: http://10.0.0.1/x\r\n\r\n', 'HTTP/1.1 404 Not Found\r\nLOCATION: http://10.0.0.1/x\r\n\r\n', 'HTTP/1.1 200 OK\r\nUSN: x\r\n\r\n']) {
      expect(readSearchAnswer(Buffer.from(text), '10.0.0.1'), text).to.equal(undefined);
    }
  });

  it('describe the best service that maps ports', () => {
    const xml = `<root>${service('urn:schemas-upnp-org:service:WANPPPConnection:1', '/ppp')}${service('urn:schemas-upnp-org:service:WANIPConnection:1', '/ctl/IPConn')}</root>`;
    expect(readDescription(xml, base)).to.deep.equal({ serviceType: 'urn:schemas-upnp-org:service:WANIPConnection:1', url: new URL('http://10.0.0.1:5000/ctl/IPConn') });
  });

  it('do not send requests to another host', () => {
    expect(readDescription(service('urn:schemas-upnp-org:service:WANIPConnection:1', 'http://192.0.2.9/ctl'), base)).to.equal(undefined);
    expect(readDescription('<root></root>', base)).to.equal(undefined);
  });

  it('are read within bounds, whatever is in them', () => {
    expect(readElement(`<a>${'x'.repeat(300)}</a>`, 'a')).to.equal(undefined);
    const pieces = fc.array(fc.oneof(fc.constantFrom('<service>', '</service>', '<serviceType>', 'urn:schemas-upnp-org:service:WANIPConnection:1', '</serviceType>', '<controlURL>', '</controlURL>', 'http:', '//10.0.0.1', '/x'), fc.string()), { maxLength: 40 });
    fc.assert(
      fc.property(pieces, (parts) => {
        const control = readDescription(parts.join(''), base);
        if (control) expect(control.url.hostname).to.equal('10.0.0.1');
        const url = readSearchAnswer(Buffer.from(parts.join('\r\n')), '10.0.0.1');
        if (url) expect(url.hostname).to.equal('10.0.0.1');
      }),
    );
  });
});

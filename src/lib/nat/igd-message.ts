/** Where devices are searched for (UPnP Device Architecture 1.1, section 1.3.2). */
export const ssdpPort = 1900;
export const ssdpGroup = '239.255.255.250';

/** What is searched for; one of version 2 answers to version 1, too, but not all do. */
const searchTargets = ['urn:schemas-upnp-org:device:InternetGatewayDevice:1', 'urn:schemas-upnp-org:device:InternetGatewayDevice:2'];
/** Services that map ports, best first (UPnP IGD 1 and 2). */
const serviceTypes = ['urn:schemas-upnp-org:service:WANIPConnection:2', 'urn:schemas-upnp-org:service:WANIPConnection:1', 'urn:schemas-upnp-org:service:WANPPPConnection:1'];
/** Longest SSDP answer, URL and value read. */
const maxAnswerBytes = 4096;
const maxUrlLength = 512;
const maxValueLength = 256;
/** Services looked at in a description; a gateway has about five. */
const maxServices = 32;

/** M-SEARCH requests, one for each thing searched for. @param host where they go */
export function searchRequests(host: string): Buffer[] {
  return searchTargets.map((target) => Buffer.from(`M-SEARCH * HTTP/1.1\r\nHOST: ${host}:${ssdpPort}\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ${target}\r\n\r\n`));
}

/**
 * Where the device that answered has its description.
 * @param from the host the answer came from: a description anywhere else is not believed, as whoever answers could have this node ask anybody
 */
export function readSearchAnswer(bytes: Buffer, from: string): URL | undefined {
  if (bytes.length > maxAnswerBytes) return undefined;
  const [status, ...headers] = bytes.toString('latin1').split(/\r?\n/);
  if (!status?.startsWith('HTTP/1.1 200')) return undefined;
  const location = headers.find((line) => line.toLowerCase().startsWith('location:'));
  return location === undefined ? undefined : urlAt(location.slice('location:'.length).trim(), undefined, from);
}

/** A service that maps ports, and where its requests go. */
export interface IgdControl {
  readonly serviceType: string;
  readonly url: URL;
}

/** Finds the service that maps ports in the description of a device. @param base where the description is; nowhere else is asked */
export function readDescription(xml: string, base: URL): IgdControl | undefined {
  const services = xml.split('<service>', maxServices + 1).slice(1).map((part) => part.split('</service>', 1)[0]!);
  for (const serviceType of serviceTypes) {
    const service = services.find((part) => readElement(part, 'serviceType') === serviceType);
    const path = service && readElement(service, 'controlURL');
    const url = path ? urlAt(path, base, base.hostname) : undefined;
    if (url) return { serviceType, url };
  }
  return undefined;
}

/** The body of a SOAP request. @param values plain words and numbers: nothing in them is escaped */
export function soapRequest(serviceType: string, action: string, values: Readonly<Record<string, string | number>>): string {
  const inner = Object.entries(values).map(([name, value]) => `<${name}>${value}</${name}>`).join('');
  return `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body><u:${action} xmlns:u="${serviceType}">${inner}</u:${action}></s:Body></s:Envelope>`;
}

/** The text of the first element of that name, without attributes; undefined where there is none, or too long a one. */
export function readElement(xml: string, name: string): string | undefined {
  const opening = `<${name}>`;
  const start = xml.indexOf(opening);
  const end = start < 0 ? -1 : xml.indexOf('</', start);
  if (end < 0 || end - start - opening.length > maxValueLength) return undefined;
  return xml.slice(start + opening.length, end).trim();
}

function urlAt(text: string, base: URL | undefined, host: string): URL | undefined {
  if (text.length > maxUrlLength || !URL.canParse(text, base?.href)) return undefined;
  const url = new URL(text, base?.href);
  return url.protocol === 'http:' && url.hostname === host && url.username === '' && url.password === '' ? url : undefined;
}

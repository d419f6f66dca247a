import { isUseful, type NatFinding, type PortMapping } from './nat-finding.js';

const forward = 'Forward the UDP port of the node in the router, or allow UPnP there, and it needs neither punching nor a relay.';

/** What the finding means for the node and what to do about it, in a sentence or two. */
export function natAdvice(finding: NatFinding, portMapping: PortMapping | undefined): string {
  if (isUseful(portMapping, finding)) return 'The router forwards the UDP port of the node: others reach it directly.';
  const advice = adviceFor(finding);
  return portMapping ? `The router forwards the UDP port of the node, but others see it at another address: there is a second NAT outside the router. ${advice}` : advice;
}

function adviceFor(finding: NatFinding): string {
  switch (finding.natType) {
    case 'none':
      return adviceWithoutNat(finding);
    case 'full-cone':
      return 'Others reach this node directly once it has spoken to anybody.';
    case 'address-restricted':
    case 'port-restricted':
      return `Other nodes get a direct path by punching, those behind symmetric NATs with random ports after some tries. ${forward}`;
    case 'symmetric':
      return adviceForSymmetric(finding);
    case 'blocked':
      return 'No server answers: UDP does not get through. Allow outgoing UDP in the firewall; without it the node reaches nobody.';
    case 'unknown':
      return adviceForUnknown(finding);
  }
}

function adviceWithoutNat({ filtering }: NatFinding): string {
  if (filtering === 'endpoint-independent') return 'Others reach this node directly.';
  if (filtering === 'unknown') return 'There is no NAT. Whether a firewall lets others in could not be tried.';
  return 'There is no NAT, but a firewall lets in only answers. Allow incoming UDP to the port of the node, and others reach it directly.';
}

function adviceForSymmetric({ allocation }: NatFinding): string {
  if (allocation.kind === 'sequential') return `The NAT gives every destination another port, but the next in sequence: direct paths by predicting it. ${forward}`;
  return `The NAT gives every destination another port: direct paths only to nodes without NAT or with one that maps all alike, otherwise relayed. ${forward}`;
}

function adviceForUnknown({ servers, mapping }: NatFinding): string {
  const answered = servers.filter(({ mapped }) => mapped !== undefined);
  if (answered.length === 0) return 'Nobody answered. Name other STUN servers, two at different addresses.';
  if (mapping === 'unknown') return 'Only one address could be asked, which does not tell how the NAT maps. Name a second STUN server, at another address.';
  return 'No server could try what the NAT lets in: it takes a STUN server with two addresses (RFC 5780), or two other nodes.';
}

import type { SocketAddress } from '../base/address.js';
import type { WireCandidate } from '../wire/punch.js';

/** Ports of a sequential NAT that are guessed: it may have used a few between the measurement and the first packet. */
const predictedPorts = 14;
/** Of a list of predicted ports, as many are probed where both sides predict; what follows in the list is for shifted guesses. */
const pairedPorts = 10;
/** Shifts that are tried where both sides predict: 0, 1, 2. */
const shifts = 3;

/** Below it are the ports of system services, which NATs do not hand out. */
const firstPort = 1024;
const portCount = 65_536 - firstPort;

/**
 * Where a sequential NAT is expected to put the next new mappings.
 * @param measured the outer address of a mapping made just now @param delta from one to the next, not 0
 */
export function predictCandidates(measured: SocketAddress, delta: number): WireCandidate[] {
  return Array.from({ length: predictedPorts }, (_, index) => {
    const offset = (measured.port - firstPort + delta * (index + 1)) % portCount;
    const port = firstPort + ((offset + portCount) % portCount);
    return { kind: 'predicted', address: { host: measured.host, port } };
  });
}

/**
 * The order in which the side whose own ports are predicted too probes the peer's predicted ports. Each of its probes leaves from the next port
 * of its own NAT: probe i reaches port p(i) from port q(i + s), where s is how far its NAT was ahead of the measurement. The plain side probes
 * p(1), p(2), …. If the other side did so too, the probes would only fit each other where both shifts are 0. So that one probes q(j + t), t going
 * round 0, 1, 2: its probe j fits wherever both shifts together are t. All the ports are different, as a second packet to one would not take a new port.
 */
export function pairedOrder<Item>(predicted: readonly Item[], side: 'plain' | 'shifting'): Item[] {
  if (side === 'plain') return predicted.slice(0, pairedPorts + shifts - 1);
  return Array.from({ length: pairedPorts }, (_, index) => predicted[index + (index % shifts)]).filter((one) => one !== undefined);
}

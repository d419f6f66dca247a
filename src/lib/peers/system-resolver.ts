import { lookup } from 'node:dns/promises';
import { canonicalHost } from '../base/address.js';
import type { HostResolver } from './ports.js';

/** The system's name resolution: hosts file, DNS and whatever else it is set to use. */
export const systemResolver: HostResolver = {
  async resolve(host) {
    const literal = canonicalHost(host);
    if (literal !== undefined) return [literal];
    const found = await lookup(host, { all: true });
    return found.map(({ address }) => canonicalHost(address)).filter((address) => address !== undefined);
  },
};

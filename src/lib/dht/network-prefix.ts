import { addressPrefix, addressScope } from '../base/address.js';
import type { Contact } from './contact.js';

/** Prefix lengths under which addresses count as one network: what one customer commonly holds. */
const bits4 = 24;
const bits6 = 48;

const cache = new WeakMap<Contact, { readonly prefix: string | undefined }>();

/**
 * The network a contact counts under where diversity matters: the /24 or /48 of its first public address. Undefined
 * for contacts without one (loopback, private ranges, link-local), which are not limited.
 */
export function networkPrefix(contact: Contact): string | undefined {
  const known = cache.get(contact);
  if (known) return known.prefix;
  const address = contact.addresses.find(({ host }) => addressScope(host) === 'public');
  const prefix = address && addressPrefix(address.host, bits4, bits6);
  cache.set(contact, { prefix });
  return prefix;
}

import { addressPrefix, addressScope } from '../base/address.js';
import type { Contact } from './contact.js';

/** Prefix lengths under which addresses count as one network: what one customer commonly holds. */
const bits4 = 24;
const bits6 = 48;

const cache = new WeakMap<Contact, { readonly prefix: string | undefined }>();

/**
 * The network a contact counts under where diversity matters: the /24 or /48 of its first address, which is the one its
 * packets come from where we have met it. Undefined where that is no public one (loopback, private ranges,
 * link-local): such contacts are not limited, whatever other addresses they name.
 */
export function networkPrefix(contact: Contact): string | undefined {
  const known = cache.get(contact);
  if (known) return known.prefix;
  const [address] = contact.addresses;
  const prefix = address && addressScope(address.host) === 'public' ? addressPrefix(address.host, bits4, bits6) : undefined;
  cache.set(contact, { prefix });
  return prefix;
}

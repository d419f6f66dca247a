import { contactOf, type Contact, type Reachability } from '../../../src/lib/dht/contact.js';

/** An id that begins with these bytes, zero after them. */
export function idOf(...bytes: number[]): Uint8Array {
  const id = new Uint8Array(32);
  id.set(bytes);
  return id;
}

/** A contact whose id begins with these bytes; in a private range, where no diversity is demanded, unless a host is given. */
export function contactAt(bytes: readonly number[], host = '10.0.0.1', reachability: Reachability = 'unknown'): Contact {
  return contactOf(Buffer.from(idOf(...bytes)).toString('hex'), [{ host, port: 4433 }], reachability);
}

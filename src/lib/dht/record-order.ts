import type { DecodedRecord } from './record.js';

/** What decides which of two records under a key, or of one provider, is newer. */
export type Ranked = Pick<DecodedRecord, 'kind' | 'publisher' | 'sequence' | 'createdMs' | 'signed'>;

/**
 * Positive when `a` is the newer record, negative when `b` is, 0 when they are the same. The order is total and the
 * same everywhere, so replicas that saw the same records in any order end with the same one: higher sequence; then
 * higher publisher id; then tombstones; then the later creation, which is how a publisher refreshes a record without
 * numbering it anew; then the payload's bytes, which tells records apart that a publisher should never have made.
 */
export function compareRecords(a: Ranked, b: Ranked): number {
  if (a.sequence !== b.sequence) return a.sequence - b.sequence;
  if (a.publisher !== b.publisher) return a.publisher > b.publisher ? 1 : -1;
  const tombstones = Number(a.kind === 'tombstone') - Number(b.kind === 'tombstone');
  if (tombstones !== 0) return tombstones;
  return a.createdMs - b.createdMs || Buffer.compare(a.signed.payload, b.signed.payload);
}

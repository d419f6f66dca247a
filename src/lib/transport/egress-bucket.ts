import { TokenBucket } from '../base/token-bucket.js';

/** Egress buckets hold this long of their rate: bursts of one congestion window pass unhindered. */
const burstSeconds = 0.1;

/** Limits the bytes that are sent, to a peer or to all. */
export function egressBucket(bytesPerSecond: number): TokenBucket {
  return new TokenBucket(bytesPerSecond * burstSeconds, bytesPerSecond);
}

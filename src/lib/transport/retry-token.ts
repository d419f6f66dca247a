import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SocketAddress } from '../base/address.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';

const label = 'macula retry token 1';
const timeBytes = 6;
const macBytes = 32;
const keyBytes = 32;
/** RFC 9000, section 17.2: connection ids of QUIC version 1 are at most 20 bytes. */
const maxIdBytes = 20;

interface EpochKey {
  readonly epoch: number;
  readonly key: Uint8Array;
}

/**
 * Makes and checks the tokens of Retry packets (RFC 9000, section 8.1.2). A token proves, without any state kept
 * per client, that whoever shows it received our Retry at this address a short while ago. It is bound to the
 * address, to the connection id the client chose first and to the one our Retry gave it.
 *
 * Layout: time of issue (6 bytes, ms) · original id · HMAC-SHA256 (32 bytes). Keys change every lifetime; the last
 * two are kept, so a token outlives one change and never its lifetime.
 */
export class RetryTokens {
  readonly #random: RandomSource;
  readonly #lifetimeMs: number;
  #current: EpochKey | undefined;
  #previous: EpochKey | undefined;

  constructor(components: { random: RandomSource }, settings: Pick<Settings, 'retryTokenLifetimeMs'>) {
    this.#random = components.random;
    this.#lifetimeMs = settings.retryTokenLifetimeMs;
  }

  /**
   * @param address where the Initial came from
   * @param originalDcid destination id of that Initial, 0 to 20 bytes
   * @param retryScid the id our Retry names as its source
   * @param nowMs Clock.nowMs()
   */
  issue(address: SocketAddress, originalDcid: Uint8Array, retryScid: Uint8Array, nowMs: number): Uint8Array {
    const issuedMs = Math.floor(nowMs);
    const token = Buffer.allocUnsafe(timeBytes + originalDcid.length + macBytes);
    token.writeUIntBE(issuedMs, 0, timeBytes);
    token.set(originalDcid, timeBytes);
    const bodyBytes = timeBytes + originalDcid.length;
    const { key } = this.#keyOf(this.#epoch(issuedMs), issuedMs)!;
    token.set(mac(key, address, retryScid, token.subarray(0, bodyBytes)), bodyBytes);
    return token;
  }

  /**
   * Returns the original destination id, a copy, or undefined for anything but an unexpired token of ours for
   * exactly this address and id.
   * @param retryScid destination id of the Initial that shows the token
   */
  verify(token: Uint8Array, address: SocketAddress, retryScid: Uint8Array, nowMs: number): Uint8Array | undefined {
    const bodyBytes = token.length - macBytes;
    if (bodyBytes < timeBytes || bodyBytes > timeBytes + maxIdBytes) return undefined;
    const body = Buffer.from(token.buffer, token.byteOffset, bodyBytes);
    const issuedMs = body.readUIntBE(0, timeBytes);
    if (issuedMs > nowMs || nowMs - issuedMs > this.#lifetimeMs) return undefined;
    const signer = this.#keyOf(this.#epoch(issuedMs), nowMs);
    if (!signer) return undefined;
    if (!timingSafeEqual(mac(signer.key, address, retryScid, body), token.subarray(bodyBytes))) return undefined;
    return Uint8Array.from(body.subarray(timeBytes));
  }

  #epoch(timeMs: number): number {
    return Math.floor(timeMs / this.#lifetimeMs);
  }

  #keyOf(epoch: number, nowMs: number): EpochKey | undefined {
    const currentEpoch = this.#epoch(nowMs);
    if (!this.#current || this.#current.epoch < currentEpoch) {
      this.#previous = this.#current;
      this.#current = { epoch: currentEpoch, key: this.#random.bytes(keyBytes) };
    }
    if (this.#current.epoch === epoch) return this.#current;
    return this.#previous?.epoch === epoch ? this.#previous : undefined;
  }
}

function mac(key: Uint8Array, address: SocketAddress, retryScid: Uint8Array, body: Uint8Array): Uint8Array {
  // Every part of variable length is preceded by its length, so that no two inputs read the same.
  const host = Buffer.from(address.host, 'latin1');
  const lengths = Buffer.from([host.length, retryScid.length, body.length, address.port >>> 8, address.port & 0xff]);
  return createHmac('sha256', key).update(label).update(lengths).update(host).update(retryScid).update(body).digest();
}

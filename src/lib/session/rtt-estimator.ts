/** Weight of a new sample (RFC 6298 §2: alpha = 1/8). */
const weight = 1 / 8;

/** Smoothed round-trip time (RFC 6298 §2.2 and §2.3, SRTT only). */
export class RttEstimator {
  #smoothedMs: number | undefined;

  /** Milliseconds; undefined before the first sample. */
  get rttMs(): number | undefined {
    return this.#smoothedMs;
  }

  /** @param sampleMs a measured round trip */
  sample(sampleMs: number): void {
    this.#smoothedMs = this.#smoothedMs === undefined ? sampleMs : this.#smoothedMs + weight * (sampleMs - this.#smoothedMs);
  }
}

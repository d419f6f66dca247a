/** Something with a start and a stop, both idempotent. Constructors start nothing. */
export interface Service {
  start(signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

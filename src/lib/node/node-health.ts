import { X509Certificate } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { judgeHealth, type HealthReport } from '../observability/health-rules.js';
import type { NodeParts } from './node-parts.js';

export type NodeState = 'stopped' | 'starting' | 'started' | 'stopping';

/** Gathers what health is judged by. */
export class NodeHealth {
  state: NodeState = 'stopped';
  /** Why the node as a whole cannot go on. */
  failure: string | undefined;
  startedAtMs = 0;
  readonly #parts: NodeParts;
  readonly #clock: Clock;
  readonly #hasBootstrap: boolean;

  constructor(components: { parts: NodeParts; clock: Clock }, settings: { bootstrapUrl: readonly string[] }) {
    this.#parts = components.parts;
    this.#clock = components.clock;
    this.#hasBootstrap = settings.bootstrapUrl.length > 0;
  }

  get uptimeMs(): number {
    return this.#clock.nowMs() - this.startedAtMs;
  }

  /** When the certificate expires, seconds since the Unix epoch; undefined while there is none. */
  get certificateExpiresSeconds(): number | undefined {
    const { identity } = this.#parts;
    return identity && Date.parse(new X509Certificate(identity.certificatePem).validTo) / 1000;
  }

  report(): HealthReport {
    const { endpoint, store, peers } = this.#parts;
    const counts = peers?.countPeers();
    return judgeHealth({
      phase: this.state === 'stopped' ? 'stopping' : this.state,
      failure: this.failure,
      socketBound: endpoint !== undefined,
      storeOpen: store !== undefined,
      storeFailure: store?.writeFailure?.message,
      storeSetAside: store?.setAside !== undefined,
      connectedPeers: counts?.connected ?? 0,
      expectsPeers: this.#hasBootstrap || (counts?.known ?? 0) > 0,
      uptimeMs: this.uptimeMs,
      certificateDaysLeft: this.#certificateDaysLeft(),
    });
  }

  #certificateDaysLeft(): number {
    const expires = this.certificateExpiresSeconds;
    return expires === undefined ? Infinity : (expires * 1000 - this.#clock.wallMs()) / 86_400_000;
  }
}

import { X509Certificate } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import type { HealthFacts } from '../observability/health-facts.js';
import { judgeHealth, type HealthReport } from '../observability/health-rules.js';
import type { Settings } from '../config/schema.js';
import type { NodeParts } from './node-parts.js';

export type NodeState = 'stopped' | 'starting' | 'started' | 'stopping';

export type NodeHealthSettings = Pick<Settings, 'bootstrapUrl' | 'socketBufferBytes'>;

/** Failures that say one side does not want the other, or not this other. */
const refusals: ReadonlySet<string> = new Set(['MACULA_REALM_MISMATCH', 'MACULA_REALM_PROOF_FAILED', 'MACULA_PIN_MISMATCH', 'MACULA_ID_MISMATCH', 'MACULA_PEER_UNTRUSTED', 'MACULA_VERSION_MISMATCH']);

/** Gathers what health is judged by. */
export class NodeHealth {
  state: NodeState = 'stopped';
  /** Why the node as a whole cannot go on. */
  failure: string | undefined;
  startedAtMs = 0;
  readonly #parts: NodeParts;
  readonly #clock: Clock;
  readonly #settings: NodeHealthSettings;
  #hasJoined = false;

  constructor(components: { parts: NodeParts; clock: Clock }, settings: NodeHealthSettings) {
    this.#parts = components.parts;
    this.#clock = components.clock;
    this.#settings = settings;
  }

  get uptimeMs(): number {
    return this.#clock.nowMs() - this.startedAtMs;
  }

  /** When the certificate expires, seconds since the Unix epoch; undefined while there is none. */
  get certificateExpiresSeconds(): number | undefined {
    const { identity } = this.#parts;
    return identity && Date.parse(new X509Certificate(identity.certificatePem).validTo) / 1000;
  }

  /** A peer was connected. */
  joined(): void {
    this.#hasJoined = true;
  }

  report(): HealthReport {
    const { endpoint, store, relayClient, nat } = this.#parts;
    return judgeHealth({
      phase: this.state === 'stopped' ? 'stopping' : this.state,
      failure: this.failure,
      socketBound: endpoint !== undefined,
      storeOpen: store !== undefined,
      storeFailure: store?.writeFailure?.message,
      storeSetAside: store?.setAside !== undefined,
      hasJoined: this.#hasJoined,
      uptimeMs: this.uptimeMs,
      certificateDaysLeft: this.#certificateDaysLeft(),
      relaylessForMs: relayClient?.relaylessForMs,
      natBlocked: nat?.finding?.natType === 'blocked',
      ...this.#peerFacts(),
      ...this.#hostFacts(),
    });
  }

  #peerFacts(): Pick<HealthFacts, 'connectedPeers' | 'knownPeers' | 'bootstrapNodes' | 'refusedPeer' | 'peerClocksAheadMs'> {
    const { peers, sessions } = this.#parts;
    const { connected = 0, known = 0 } = peers?.countPeers() ?? {};
    // A URL that leads back to this node is not among them.
    const configured = peers?.listPeers().filter(({ origin }) => origin === 'configured');
    const refused = configured?.find(({ lastError }) => lastError && refusals.has(lastError.code));
    return {
      connectedPeers: connected,
      knownPeers: known,
      bootstrapNodes: configured?.length ?? this.#settings.bootstrapUrl.length,
      refusedPeer: refused && { target: refused.address ?? refused.nodeId ?? 'unknown', code: refused.lastError!.code },
      peerClocksAheadMs: sessions?.list().flatMap(({ hello }) => hello.clockAheadMs ?? []) ?? [],
    };
  }

  #hostFacts(): Pick<HealthFacts, 'diskFreeBytes' | 'descriptors' | 'receiveBuffer' | 'lostPerSecond' | 'unwantedPerSecond'> {
    const { host, endpoint } = this.#parts;
    const grantedBytes = endpoint?.stats().receiveBufferBytes ?? 0;
    return {
      diskFreeBytes: host?.latest.diskFreeBytes,
      descriptors: host?.latest.descriptors,
      receiveBuffer: grantedBytes > 0 ? { wantedBytes: this.#settings.socketBufferBytes, grantedBytes } : undefined,
      lostPerSecond: host?.lostPerSecond ?? 0,
      unwantedPerSecond: host?.unwantedPerSecond ?? 0,
    };
  }

  #certificateDaysLeft(): number {
    const expires = this.certificateExpiresSeconds;
    return expires === undefined ? Infinity : (expires * 1000 - this.#clock.wallMs()) / 86_400_000;
  }
}

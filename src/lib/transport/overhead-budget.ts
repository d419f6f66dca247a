import { addressScope } from '../base/address.js';
import type { Settings } from '../config/schema.js';
import type { HandshakeSource } from './handshake-limits-core.js';

/** What a connection did so far. */
export interface ConnectionUse {
  /** Stream bytes the peer sent and we read. */
  readonly deliveredBytes: number;
  /** Bytes sent to the peer, acknowledged by packets of its own. */
  readonly sentBytes: number;
  readonly ageMs: number;
  /** Packets received and sent, whatever is in them. */
  readonly recvPackets: number;
  readonly sentPackets: number;
}

/** Packet headers, acknowledgements and retransmissions of what the peer delivered; at 8 % loss they stay under 15 %. */
const deliveredShare = 0.25;
/** Acknowledgements of what we sent: one of about 40 bytes for two packets of 1,200 bytes is under 2 %. */
const sentShare = 0.1;
/** Keepalives and path probes: 1 KiB a second is some ten times what they take. */
const bytesPerSecond = 1024;
/**
 * Header, tag and acknowledgement of a packet with one small message are 42 to 45 bytes; more where losses leave
 * gaps to acknowledge. Without this, 13,000 messages of 20 bytes one after another would pass for abuse.
 */
const bytesPerPacket = 64;

/**
 * Packets a peer had reason to send: each either delivers something or acknowledges one of ours. Others earn nothing,
 * so a flood of packets cannot buy its own allowance.
 */
function packetsWithReason(use: ConnectionUse): number {
  return Math.min(use.recvPackets, use.sentPackets + use.deliveredBytes);
}

/**
 * Bytes a peer may have sent beyond the stream data it delivered: a base, 25 % of delivered, 10 % of sent, 1 KiB a
 * second, 64 bytes a packet it had reason to send. Floods of frames that cost much and deliver nothing pass it soon
 * (SECURITY.md).
 */
export function overheadAllowanceBytes(use: ConnectionUse, settings: Pick<Settings, 'overheadBaseBytes'>): number {
  const shares = deliveredShare * use.deliveredBytes + sentShare * use.sentBytes + (bytesPerSecond * use.ageMs) / 1000;
  return settings.overheadBaseBytes + shares + bytesPerPacket * packetsWithReason(use);
}

/** Whether a connection's peer sent more overhead than it is allowed. @param use.recvBytes all bytes received */
export function isOverBudget(use: ConnectionUse & { readonly recvBytes: number }, settings: Pick<Settings, 'overheadBaseBytes'>): boolean {
  return use.recvBytes - use.deliveredBytes > overheadAllowanceBytes(use, settings);
}

/**
 * Bytes that may come before admission. On loopback a peer may pad the datagrams of its handshake to 16 KiB, as the library does by itself, and a
 * busy machine repeats some.
 */
export function strangerAllowanceBytes(source: HandshakeSource, { strangerBudgetBytes }: Pick<Settings, 'strangerBudgetBytes'>): number {
  return 'host' in source && addressScope(source.host) === 'loopback' ? 4 * strangerBudgetBytes : strangerBudgetBytes;
}

const windowCalls = 64;
const slowCallsAllowed = 16;

/**
 * Tells a connection that keeps the native library busy from one that met a busy machine: 16 slow calls among its
 * last 64. How slow does not matter, so that one call that was stopped for a minute counts once. The time is wall
 * time: with every core taken by others, a call is interrupted for some milliseconds in 2 or 3 of 100 cases, rarely
 * in 10; a quarter of all calls is far from both. The loops this exists for make every call slow.
 */
export class SlowCallTracker {
  readonly #budgetMs: number;
  readonly #slow = new Uint8Array(windowCalls);
  #next = 0;
  #slowCalls = 0;

  /** @param nativeCallBudgetMs a call longer than this is slow */
  constructor(nativeCallBudgetMs: number) {
    this.#budgetMs = nativeCallBudgetMs;
  }

  /** Notes one native call; true when the connection is to be closed. */
  record(durationMs: number): boolean {
    const slow = durationMs > this.#budgetMs ? 1 : 0;
    this.#slowCalls += slow - this.#slow[this.#next]!;
    this.#slow[this.#next] = slow;
    this.#next = (this.#next + 1) % windowCalls;
    return this.#slowCalls >= slowCallsAllowed;
  }
}

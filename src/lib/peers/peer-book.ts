import { addressScope, canonicalHost, sameAddress, type SocketAddress } from '../base/address.js';
import type { Clock, Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { KeyValue } from '../base/key-value.js';
import type { Logger } from '../base/logger.js';
import type { Settings } from '../config/schema.js';
import { parseNodeId, type NodeId } from '../identity/node-id.js';

/** How an address of a peer came to be known, most trusted first. */
export const addressSources = ['dialled', 'mdns', 'observed', 'advertised', 'exchanged'] as const;
export type AddressSource = (typeof addressSources)[number];

export interface KnownAddress extends SocketAddress {
  readonly source: AddressSource;
  /** Wall clock of the last dial that succeeded; 0 for never. */
  readonly successMs: number;
}

/** What is remembered of a peer. Times are wall clock, milliseconds. */
export interface KnownPeer {
  readonly addresses: readonly KnownAddress[];
  readonly lastSeenMs: number;
  /** 0 for never. */
  readonly lastConnectedMs: number;
  /** Failed dials in a row. */
  readonly failures: number;
}

/** Addresses kept per peer: both families on a few interfaces. A peer that advertises more gains nothing. */
const maxAddresses = 8;

/** A change is written this soon, so that even a node killed right after it joined finds the mesh again. */
const flushDelayMs = 50;

/** Pause between writes, so that a storm of peers costs one commit a second. */
const flushIntervalMs = 1_000;

/** lastSeenMs alone is not worth a write more often. */
const seenGranularityMs = 60_000;

/** The peers this node knows, in memory and, within a second, on disk. */
export class PeerBook {
  readonly #peers = new Map<NodeId, KnownPeer>();
  readonly #dirty = new Set<NodeId>();
  readonly #writing = new Set<Promise<void>>();
  #timer: Timer | undefined;
  #lastFlushMs = -Infinity;

  constructor(
    private readonly components: { readonly store: KeyValue<KnownPeer>; readonly clock: Clock; readonly logger: Logger },
    private readonly settings: Pick<Settings, 'maxKnownPeers'>,
  ) {}

  /** Reads what an earlier run left. */
  load(): void {
    for (const [key, value] of this.components.store.entries()) {
      const nodeId = parseNodeId(key);
      const peer = readKnownPeer(value);
      if (nodeId !== undefined && peer) this.#peers.set(nodeId, peer);
      else this.#dirty.add(key);
    }
    this.#evict();
    if (this.#dirty.size > 0) this.#schedule();
  }

  get size(): number {
    return this.#peers.size;
  }

  get(nodeId: NodeId): KnownPeer | undefined {
    return this.#peers.get(nodeId);
  }

  /** Everybody known; last connected first, then last seen first. */
  list(): (readonly [NodeId, KnownPeer])[] {
    return [...this.#peers].sort(([, a], [, b]) => b.lastConnectedMs - a.lastConnectedMs || b.lastSeenMs - a.lastSeenMs);
  }

  /** Addresses to dial, best first: last success, then by how they came to be known, then newest. */
  addresses(nodeId: NodeId): SocketAddress[] {
    return (this.#peers.get(nodeId)?.addresses ?? []).map(({ host, port }) => ({ host, port }));
  }

  /** Remembers addresses somebody told or that were found; unusable ones are dropped. Returns whether any is new. */
  note(nodeId: NodeId, addresses: readonly SocketAddress[], source: AddressSource): boolean {
    const usable = addresses.filter(({ host, port }) => port > 0 && addressScope(host) !== 'unusable');
    if (usable.length === 0) return false;
    const wallMs = this.components.clock.wallMs();
    const known = this.#peers.get(nodeId);
    const merged = mergeAddresses(known?.addresses ?? [], usable.map(({ host, port }) => ({ host, port, source, successMs: 0 })));
    const peer = { lastConnectedMs: 0, failures: 0, ...known, addresses: merged, lastSeenMs: source === 'exchanged' && known ? known.lastSeenMs : wallMs };
    this.#set(nodeId, peer, known);
    return merged.some((address) => !known?.addresses.some((one) => sameAddress(one, address)));
  }

  /** A session with the peer opened. @param dialled the address that was dialled, if this side did */
  connected(nodeId: NodeId, dialled: SocketAddress | undefined): void {
    const wallMs = this.components.clock.wallMs();
    const known = this.#peers.get(nodeId);
    const added: KnownAddress[] = dialled ? [{ ...dialled, source: 'dialled', successMs: wallMs }] : [];
    this.#set(nodeId, { addresses: mergeAddresses(known?.addresses ?? [], added), lastSeenMs: wallMs, lastConnectedMs: wallMs, failures: 0 }, undefined);
  }

  /** The peer is (or was until now) there. */
  seen(nodeId: NodeId): void {
    const known = this.#peers.get(nodeId);
    if (known) this.#set(nodeId, { ...known, lastSeenMs: this.components.clock.wallMs() }, known);
  }

  failed(nodeId: NodeId): void {
    const known = this.#peers.get(nodeId);
    if (known) this.#set(nodeId, { ...known, failures: known.failures + 1 }, undefined);
  }

  /** Another node answers at this address. */
  dropAddress(nodeId: NodeId, address: SocketAddress): void {
    const known = this.#peers.get(nodeId);
    if (!known) return;
    const addresses = known.addresses.filter((one) => !sameAddress(one, address));
    if (addresses.length < known.addresses.length) this.#set(nodeId, { ...known, addresses }, undefined);
  }

  forget(nodeId: NodeId): void {
    if (this.#peers.delete(nodeId)) this.#mark(nodeId);
  }

  /** Writes what has changed and waits for it. */
  async flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#lastFlushMs = this.components.clock.nowMs();
    for (const key of this.#dirty) this.#write(key);
    this.#dirty.clear();
    await Promise.all(this.#writing);
  }

  #set(nodeId: NodeId, peer: KnownPeer, before: KnownPeer | undefined): void {
    this.#peers.set(nodeId, peer);
    const onlySeen = before && before.failures === peer.failures && sameAddresses(before.addresses, peer.addresses);
    if (onlySeen && peer.lastSeenMs - before.lastSeenMs < seenGranularityMs) {
      this.#peers.set(nodeId, { ...peer, lastSeenMs: before.lastSeenMs });
      return;
    }
    this.#mark(nodeId);
    this.#evict();
  }

  #evict(): void {
    if (this.#peers.size <= this.settings.maxKnownPeers) return;
    // Some at once, so that the sorting is paid once for many.
    const keep = Math.max(1, Math.floor(this.settings.maxKnownPeers * 0.95));
    for (const [nodeId] of this.list().slice(keep)) this.forget(nodeId);
  }

  #mark(nodeId: NodeId): void {
    this.#dirty.add(nodeId);
    this.#schedule();
  }

  #schedule(): void {
    const { clock } = this.components;
    const pauseMs = Math.max(flushDelayMs, this.#lastFlushMs + flushIntervalMs - clock.nowMs());
    this.#timer ??= clock.setTimer(pauseMs, () => void this.flush());
  }

  #write(key: string): void {
    const peer = this.#peers.get(key);
    const written = peer ? this.components.store.put(key, peer) : this.components.store.remove(key);
    const done = written.catch((error: unknown) => {
      this.components.logger.warn('known peers could not be saved', { error: MaculaError.from(error).message });
    }).finally(() => this.#writing.delete(done));
    this.#writing.add(done);
  }
}

function mergeAddresses(old: readonly KnownAddress[], added: readonly KnownAddress[]): KnownAddress[] {
  const merged: KnownAddress[] = added.map((address) => {
    const known = old.find((one) => sameAddress(one, address));
    if (!known) return address;
    const source = addressSources.indexOf(known.source) < addressSources.indexOf(address.source) ? known.source : address.source;
    return { ...address, source, successMs: Math.max(known.successMs, address.successMs) };
  });
  for (const address of old) if (!merged.some((one) => sameAddress(one, address))) merged.push(address);
  merged.sort((a, b) => b.successMs - a.successMs || addressSources.indexOf(a.source) - addressSources.indexOf(b.source));
  return merged.slice(0, maxAddresses);
}

function sameAddresses(a: readonly KnownAddress[], b: readonly KnownAddress[]): boolean {
  return a.length === b.length && a.every((one) => b.some((other) => sameAddress(one, other) && one.source === other.source && one.successMs === other.successMs));
}

function readKnownPeer(value: unknown): KnownPeer | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { addresses, lastSeenMs, lastConnectedMs, failures } = value as Record<string, unknown>;
  if (!Array.isArray(addresses) || typeof lastSeenMs !== 'number' || typeof lastConnectedMs !== 'number' || typeof failures !== 'number') return undefined;
  return { addresses: addresses.filter(isKnownAddress).slice(0, maxAddresses), lastSeenMs, lastConnectedMs, failures };
}

function isKnownAddress(value: unknown): value is KnownAddress {
  if (typeof value !== 'object' || value === null) return false;
  const { host, port, source, successMs } = value as Record<string, unknown>;
  return typeof host === 'string' && canonicalHost(host) === host && typeof port === 'number' && typeof successMs === 'number' && addressSources.includes(source as AddressSource);
}

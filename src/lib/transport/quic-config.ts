import { addressScope } from '../base/address.js';
import type { Settings } from '../config/schema.js';
import type { NodeIdentity } from '../identity/identity.js';
import { smallPayloadBytes } from './datagram-kind.js';
import type { Route } from './endpoint.js';
import { checkedInteger, quiche, type QuicheConfig } from './quiche-binding.js';

/** Application protocol of every connection (RFC 7301). */
export const applicationProtocol = 'macula/1';

/** Payload on loopback, whose MTU is 64 KiB: fits, and larger gains little more. */
export const loopbackPayloadBytes = 16_384;

/** Largest UDP payload there is (RFC 9000 section 18.2); we receive any size. */
export const maxPayloadBytes = 65_527;

/** Every signature algorithm the TLS library knows that a certificate or handshake of ours may use. */
const signatureAlgorithms = [
  'ed25519',
  'ecdsa_secp256r1_sha256',
  'rsa_pss_rsae_sha256',
  'rsa_pss_rsae_sha384',
  'rsa_pss_rsae_sha512',
  'rsa_pkcs1_sha256',
].join(':');

export type QuicSettings = Pick<Settings, 'udpPayloadBytes' | 'idleTimeoutMs' | 'streamWindowBytes' | 'connectionWindowBytes' | 'maxStreams' | 'congestionControl'>;

const largestWindow = 2 ** 31;

/**
 * A native configuration for connections that send at most `payloadBytes` a datagram. It asks every peer for a
 * certificate and accepts any: the endpoint's own check decides.
 * @throws RangeError when a number would be unsafe in the native library
 */
export function createQuicConfig(identity: NodeIdentity, settings: Omit<QuicSettings, 'udpPayloadBytes'>, payloadBytes: number): QuicheConfig {
  const encoder = new TextEncoder();
  const [key, certificate] = [encoder.encode(identity.privateKeyPem), encoder.encode(identity.certificatePem)];
  const config = quiche.Config.withBoringSslCtx(true, true, null, [key], [certificate], signatureAlgorithms);
  const streamWindow = checkedInteger('streamWindowBytes', settings.streamWindowBytes, 1, largestWindow);
  const connectionWindow = checkedInteger('connectionWindowBytes', settings.connectionWindowBytes, 1, largestWindow);
  config.setApplicationProtos([applicationProtocol]);
  config.grease(true);
  config.setDisableActiveMigration(true);
  config.setMaxIdleTimeout(checkedInteger('idleTimeoutMs', settings.idleTimeoutMs, 1, 2 ** 31));
  config.setMaxRecvUdpPayloadSize(maxPayloadBytes);
  config.setMaxSendUdpPayloadSize(checkedInteger('udpPayloadBytes', payloadBytes, smallPayloadBytes, maxPayloadBytes));
  config.setInitialMaxData(connectionWindow);
  config.setMaxConnectionWindow(connectionWindow);
  config.setInitialMaxStreamDataBidiLocal(streamWindow);
  config.setInitialMaxStreamDataBidiRemote(streamWindow);
  config.setMaxStreamWindow(streamWindow);
  config.setInitialMaxStreamDataUni(0);
  config.setInitialMaxStreamsBidi(checkedInteger('maxStreams', settings.maxStreams, 1, 1_000_000));
  config.setInitialMaxStreamsUni(0);
  config.setActiveConnectionIdLimit(2);
  config.enableDgram(false, 0, 0);
  // Packets leave in bursts of one turn anyway; the library's pacing would only compute times nobody keeps.
  config.enablePacing(false);
  config.setCcAlgorithmName(settings.congestionControl);
  return config;
}

/** The configurations of an endpoint, one for each size of datagrams. */
export class QuicConfigs {
  readonly #identity: NodeIdentity;
  readonly #settings: QuicSettings;
  readonly #bySize = new Map<number, QuicheConfig>();

  constructor(identity: NodeIdentity, settings: QuicSettings) {
    this.#identity = identity;
    this.#settings = settings;
  }

  /** The configuration of a connection made on this route. The size of its datagrams stays the same for life. */
  for(route: Route): QuicheConfig {
    const payloadBytes = this.#payloadBytes(route);
    let config = this.#bySize.get(payloadBytes);
    if (!config) this.#bySize.set(payloadBytes, (config = createQuicConfig(this.#identity, this.#settings, payloadBytes)));
    return config;
  }

  #payloadBytes(route: Route): number {
    // What travels through a relay must fit any path behind it.
    if (route.kind === 'relay') return smallPayloadBytes;
    const { udpPayloadBytes } = this.#settings;
    if (udpPayloadBytes !== 0) return Math.max(smallPayloadBytes, udpPayloadBytes);
    return addressScope(route.address.host) === 'loopback' ? loopbackPayloadBytes : smallPayloadBytes;
  }
}

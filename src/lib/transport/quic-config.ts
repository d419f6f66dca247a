import type { Settings } from '../config/schema.js';
import type { NodeIdentity } from '../identity/identity.js';
import { checkedInteger, quiche, type QuicheConfig } from './quiche-binding.js';

/** Application protocol of every connection (RFC 7301). */
export const applicationProtocol = 'macula/1';

/** What every path must carry (RFC 9000 section 14). */
export const smallPayloadBytes = 1200;

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

export type QuicSettings = Pick<Settings, 'idleTimeoutMs' | 'streamWindowBytes' | 'connectionWindowBytes' | 'maxStreams' | 'congestionControl'>;

const largestWindow = 2 ** 31;

/**
 * A native configuration for connections that send at most `payloadBytes` a datagram. It asks every peer for a
 * certificate and accepts any: the endpoint's own check decides.
 * @throws RangeError when a number would be unsafe in the native library
 */
export function createQuicConfig(identity: NodeIdentity, settings: QuicSettings, payloadBytes: number): QuicheConfig {
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

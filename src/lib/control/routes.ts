import type { z } from 'zod';
import * as protocol from './protocol.js';
import * as bench from './protocol-bench.js';
import * as dht from './protocol-dht.js';
import * as metrics from './protocol-metrics.js';
import * as nat from './protocol-nat.js';
import * as pool from './protocol-pool.js';
import * as pubsub from './protocol-pubsub.js';
import * as rpc from './protocol-rpc.js';

/** One route of the control socket, as server and OpenAPI document see it. */
export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly summary: string;
  /** Shape of the query. */
  readonly query?: z.ZodObject;
  /** Shape of the JSON body. */
  readonly body?: z.ZodObject;
  /** Shape of the answer, or of each line where `stream` is set, without `schemaVersion`. */
  readonly response: z.ZodType;
  /** The answer is NDJSON and ends when either side is done. */
  readonly stream?: boolean;
  /** The request may be NDJSON, too: the first line is the body, each one after it a value that goes in while the answer comes out. */
  readonly streamsIn?: boolean;
  /** Shape of those values; any JSON value where absent. */
  readonly line?: z.ZodObject;
}

/** All routes by operation id, but for the OpenAPI document itself. */
export const routes = {
  status: { method: 'GET', path: '/v1/status', summary: 'State of the node', response: protocol.nodeStatus },
  stop: { method: 'POST', path: '/v1/stop', summary: 'Stops the node after answering', response: protocol.stopResult },
  wait: { method: 'GET', path: '/v1/wait', summary: 'Waits until a condition holds', query: protocol.waitRequest, response: protocol.waitResult },
  listPeers: { method: 'GET', path: '/v1/peers', summary: 'Peers of the node', response: protocol.peerList },
  watchPeers: { method: 'GET', path: '/v1/peers/watch', summary: 'Peers of the node, again at each change', response: protocol.peerList, stream: true },
  connectPeer: { method: 'POST', path: '/v1/peers/connect', summary: 'Connects to a node and keeps it connected', body: protocol.connectRequest, response: protocol.connectResult },
  disconnectPeer: { method: 'POST', path: '/v1/peers/disconnect', summary: 'Disconnects a peer', body: protocol.disconnectRequest, response: protocol.disconnectResult },
  pingPeer: { method: 'POST', path: '/v1/peers/ping', summary: 'Round trips to a peer, one line each', body: protocol.pingRequest, response: protocol.pingResult, stream: true },
  whyPeer: { method: 'POST', path: '/v1/peers/why', summary: 'Why packets to a peer take the way they do', body: nat.peerWhyRequest, response: nat.peerWhyResult },
  trustPeer: { method: 'POST', path: '/v1/peers/trust', summary: 'Trusts the identity a node shows now', body: protocol.trustRequest, response: protocol.trustResult },
  untrustPeer: { method: 'POST', path: '/v1/peers/untrust', summary: 'Refuses a node from now on', body: protocol.trustRequest, response: protocol.trustResult },
  dhtPut: { method: 'POST', path: '/v1/dht/put', summary: 'Stores a value, confirmed by replicas', body: dht.dhtPutRequest, response: dht.dhtStoreResult },
  dhtGet: { method: 'POST', path: '/v1/dht/get', summary: 'Reads a value', body: dht.dhtGetRequest, response: dht.dhtGetResult },
  dhtDelete: { method: 'POST', path: '/v1/dht/delete', summary: 'Removes a value, confirmed by replicas', body: dht.dhtDeleteRequest, response: dht.dhtStoreResult },
  dhtProviders: { method: 'POST', path: '/v1/dht/providers', summary: 'Who serves a procedure or a topic', body: dht.dhtProvidersRequest, response: dht.dhtProvidersResult },
  dhtTrace: { method: 'POST', path: '/v1/dht/trace', summary: 'Every request of a lookup and who holds the key', body: dht.dhtTraceRequest, response: dht.dhtTraceResult },
  dhtNodes: { method: 'GET', path: '/v1/dht/nodes', summary: 'The routing table', response: dht.dhtNodesResult },
  rpcCall: { method: 'POST', path: '/v1/rpc/call', summary: 'Calls a procedure', body: rpc.rpcCallRequest, response: rpc.rpcCallResult },
  rpcStream: { method: 'POST', path: '/v1/rpc/stream', summary: 'Calls a procedure that streams: lines after the first go in as values, each line of the answer is an event', body: rpc.rpcStreamRequest, response: rpc.rpcStreamEvent, stream: true, streamsIn: true },
  rpcServe: { method: 'POST', path: '/v1/rpc/serve', summary: 'Serves a procedure for as long as the stream is open: each line is an event, calls are answered with /v1/rpc/answer', body: rpc.rpcServeRequest, response: rpc.rpcServeEvent, stream: true },
  rpcAnswer: { method: 'POST', path: '/v1/rpc/answer', summary: 'Answers a call that came over /v1/rpc/serve', body: rpc.rpcAnswerRequest, response: rpc.rpcAnswerResult },
  rpcAnswerStream: { method: 'POST', path: '/v1/rpc/answer/stream', summary: 'Serves a call that streams and came over /v1/rpc/serve: lines after the first are its results, each line of the answer is an event', body: rpc.rpcAnswerStreamRequest, line: rpc.rpcAnswerLine, response: rpc.rpcAnswerStreamEvent, stream: true, streamsIn: true },
  rpcList: { method: 'GET', path: '/v1/rpc/procedures', summary: 'Procedures this node serves, and what they have done', response: rpc.rpcListResult },
  rpcProviders: { method: 'POST', path: '/v1/rpc/providers', summary: 'Who serves a procedure, and what this node knows of each', body: rpc.rpcProvidersRequest, response: rpc.rpcProvidersResult },
  poolStats: { method: 'GET', path: '/v1/pool', summary: 'The connection pool', query: pool.poolStatsRequest, response: pool.poolStatsResult },
  pubsubPublish: { method: 'POST', path: '/v1/pubsub/publish', summary: 'Publishes a message', body: pubsub.pubsubPublishRequest, response: pubsub.pubsubPublishResult },
  pubsubSubscribe: { method: 'POST', path: '/v1/pubsub/subscribe', summary: 'Messages to the topics that match, one line each, until the client goes', body: pubsub.pubsubSubscribeRequest, response: pubsub.pubsubEvent, stream: true },
  natProbe: { method: 'POST', path: '/v1/nat/probe', summary: 'What NAT the node is behind, measured now', body: nat.natProbeRequest, response: nat.natProbeResult },
  bench: { method: 'POST', path: '/v1/bench', summary: 'Puts load on a peer for a time, until the client goes', body: bench.benchRequest, response: bench.benchEvent, stream: true },
  metrics: { method: 'GET', path: '/v1/metrics', summary: 'Every metric of the node, also where no listener serves them', response: metrics.metricsResult },
  config: { method: 'GET', path: '/v1/config', summary: 'Effective settings and where each comes from', response: protocol.effectiveConfig },
} as const satisfies Record<string, Route>;

export type Operation = keyof typeof routes;

export const openApiPath = '/v1/openapi.json';

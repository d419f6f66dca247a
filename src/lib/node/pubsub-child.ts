import type { Settings } from '../config/schema.js';
import { createSigner, verifySignature } from '../identity/signing.js';
import { PubSub } from '../pubsub/pubsub.js';
import { realmId } from '../session/realm-proof.js';
import { DhtTopicDirectory, PooledPubSubTransport } from './pubsub-ports.js';
import type { ChildSpec } from './supervisor.js';
import { observePubSub } from './telemetry-sources.js';
import type { TreeComponents } from './tree-components.js';

export function pubsubChild({ parts, subscriptions, clock, random, logger, telemetry }: TreeComponents, settings: Settings): ChildSpec {
  return {
    id: 'pubsub',
    start: async () => {
      const identity = parts.running('identity');
      const [pool, sessions, dht] = [parts.running('pool'), parts.running('sessions'), parts.running('dht')];
      const pubsub = new PubSub(
        {
          nodeId: identity.nodeId,
          realmId: realmId(settings.realm),
          signer: createSigner(identity),
          verify: verifySignature,
          transport: new PooledPubSubTransport({ pool, sessions, dht, addressBook: { resolve: async (nodeId) => parts.peerBook?.addresses(nodeId) ?? [] } }),
          directory: new DhtTopicDirectory({ dht }),
          local: subscriptions,
          clock,
          random,
          logger,
        },
        settings,
      );
      observePubSub(telemetry, pubsub);
      await pubsub.start();
      parts.pubsub = pubsub;
      return async () => {
        parts.pubsub = undefined;
        await pubsub.stop();
      };
    },
  };
}

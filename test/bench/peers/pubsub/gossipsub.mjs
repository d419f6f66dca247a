import { gossipsub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import { multiaddr } from '@multiformats/multiaddr';
import { setTimeout as wait } from 'node:timers/promises';
import { started } from '../rpc/libp2p.mjs';

// Subscribers are connected to the publisher alone, which by its defaults sends to every one of them itself (flood publishing): one hop,
// and nobody passes anything on. Messages are signed and verified, as its defaults have it.
const topic = 'bench';
const services = () => ({ identify: identify(), pubsub: gossipsub({ batchPublish: true }) });

export async function publisher(count) {
  const node = await started(['/ip4/127.0.0.1/tcp/0'], services());
  const { pubsub } = node.services;
  return {
    address: node.getMultiaddrs()[0].toString(),
    publish: (payload) => void pubsub.publish(topic, payload),
    ready: async () => {
      while (pubsub.getSubscribers(topic).length < count) await wait(10);
    },
  };
}

export async function subscribe(address, onMessage) {
  const node = await started([], services());
  const { pubsub } = node.services;
  pubsub.subscribe(topic);
  pubsub.addEventListener('message', ({ detail }) => onMessage(detail.data));
  await node.dial(multiaddr(address));
  while (pubsub.getSubscribers(topic).length + pubsub.getPeers().length === 0) await wait(10);
}

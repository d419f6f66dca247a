import { spawnSync } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MaculaNode } from '../../../src/lib/index.js';
import { metricAreas } from '../../../src/lib/observability/metric-table.js';
import { families, samplesOf } from '../../support/metrics-page.js';
import { hasTool } from '../../support/system-tool.js';

describe('the metrics of real nodes', () => {
  let directory: string;
  let nodes: [MaculaNode, MaculaNode];
  const heard: { node: string; nodeId: string }[] = [];
  const listen = (message: unknown): void => void heard.push(message as { node: string; nodeId: string });

  const page = async (node: MaculaNode): Promise<string> => (await fetch(node.metricsUrl!)).text();

  before(async () => {
    subscribe('macula:session:opened', listen);
    directory = await mkdtemp(join(tmpdir(), 'macula-exposition-'));
    const build = (name: string): MaculaNode => new MaculaNode({ dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metricsPort: 0, mdns: false });
    nodes = [build('a'), build('b')];
    await Promise.all(nodes.map((node) => node.start()));
    await nodes[1].peers.startPeer(`https://127.0.0.1:${nodes[0].listen[0]!.port}`);
    await nodes[1].dht.put('key', Buffer.from('value'), { minReplicas: 1 });
    await nodes[1].dht.get('key', { fresh: true });
    await nodes[1].dht.get('absent');
    await nodes[0].rpc.register('double', (n: number) => 2 * n);
    await nodes[0].rpc.register('fail', () => {
      throw new Error('no');
    });
    await nodes[1].rpc.call('double', 21);
    await nodes[1].rpc.call('fail').catch(() => undefined);
    const subscription = nodes[0].pubsub.subscribe('weather', { qos: 1 }, () => undefined);
    await nodes[0].pubsub.ready(subscription);
    await nodes[1].pubsub.publish('weather', 'rain', { qos: 1, requireSubscribers: true });
  });
  after(async () => {
    unsubscribe('macula:session:opened', listen);
    await Promise.all(nodes.map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  it('hold every family of the table', async () => {
    const found = families(await page(nodes[0]));
    for (const { name } of metricAreas.flatMap(({ metrics }) => metrics)) expect(found.has(name), name).to.equal(true);
  });

  it('count what happened between them', async () => {
    const samples = samplesOf(await page(nodes[1]));
    expect(samples.get('macula_sessions_opened_total{direction="out",path="direct"}')).to.equal(1);
    expect(samples.get('macula_sessions_open{path="direct"}')).to.equal(1);
    expect(samples.get('macula_transport_handshake_duration_seconds_count{role="client"}')).to.be.at.least(1);
    expect(samples.get('macula_dht_operations_total{operation="put",outcome="stored"}')).to.equal(1);
    expect(samples.get('macula_dht_operations_total{operation="get",outcome="found"}')).to.equal(1);
    expect(samples.get('macula_dht_operations_total{operation="get",outcome="absent"}')).to.equal(1);
    expect(samples.get('macula_dht_operation_duration_seconds_count{operation="put"}')).to.equal(1);
    expect(samples.get('macula_node_ready')).to.equal(1);
    expect(samples.get('macula_store_file_bytes')).to.be.above(0);
  });

  it('tell on both sides how long calls and messages took', async () => {
    const [server, client] = [samplesOf(await page(nodes[0])), samplesOf(await page(nodes[1]))];
    const counts = (samples: Map<string, number>, name: string): (number | undefined)[] => ['succeeded', 'failed'].map((outcome) => samples.get(`${name}{outcome="${outcome}"}`));
    expect(counts(client, 'macula_rpc_call_duration_seconds_count')).to.deep.equal([1, 1]);
    expect(counts(server, 'macula_rpc_served_duration_seconds_count')).to.deep.equal([1, 1]);
    expect(counts(server, 'macula_rpc_served_total')).to.deep.equal([1, 1]);
    expect(client.get('macula_pubsub_acknowledgement_duration_seconds_count')).to.equal(1);
    expect(server.get('macula_pubsub_delivery_duration_seconds_count')).to.equal(1);
    expect(client.get('macula_nat_info{type="unknown",mapping="unknown",filtering="unknown"}')).to.equal(1);
  });

  it('come with events on diagnostics channels, told apart by node', () => {
    const pairs = heard.map(({ node, nodeId }) => `${node} ${nodeId}`);
    expect(pairs).to.include.members([`${nodes[0].nodeId} ${nodes[1].nodeId}`, `${nodes[1].nodeId} ${nodes[0].nodeId}`]);
  });

  it('pass promtool check metrics', async function () {
    if (!hasTool('promtool')) this.skip();
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: await page(nodes[0]), encoding: 'utf8' });
    expect(`${stdout}${stderr}`).to.equal('');
    expect(status).to.equal(0);
  });
});

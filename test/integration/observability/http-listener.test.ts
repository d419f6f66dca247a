import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect } from 'chai';
import type { MaculaError } from '../../../src/lib/base/errors.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { judgeHealth } from '../../../src/lib/observability/health-rules.js';
import type { HealthFacts } from '../../../src/lib/observability/health-facts.js';
import { HttpListener } from '../../../src/lib/observability/http-listener.js';
import { wellFacts as well } from '../../support/health-facts.js';

describe('the metrics and health listener', () => {
  let facts: HealthFacts;
  let listener: HttpListener;
  let errors: string[];
  const metrics = { contentType: 'text/plain; version=0.0.4; charset=utf-8', render: async () => 'a_total 1\n' };

  const listenerOn = (metricsHost: string, metricsPort: number): HttpListener =>
    new HttpListener({ metrics, health: () => judgeHealth(facts), logger: { ...silentLogger, error: (message) => void errors.push(message) } }, { metricsHost, metricsPort });
  const get = (path: string): Promise<Response> => fetch(new URL(path, listener.url));

  beforeEach(() => {
    facts = well;
    errors = [];
    listener = listenerOn('127.0.0.1', 0);
  });
  afterEach(() => listener.stop());

  async function failure(of: HttpListener): Promise<MaculaError> {
    return of.start().then(
      () => of.stop().then(() => { throw new Error('it started'); }),
      (error: MaculaError) => error,
    );
  }

  it('serves metrics as text at its URL', async () => {
    expect(listener.url).to.equal(undefined);
    await listener.start();
    expect(listener.url).to.match(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    const response = await get('/metrics');
    expect(response.headers.get('content-type')).to.equal(metrics.contentType);
    expect(await response.text()).to.equal('a_total 1\n');
  });

  const table: [string, Partial<HealthFacts>, number, number, number][] = [
    ['a node that is well', {}, 200, 200, 200],
    ['a node that starts', { phase: 'starting' }, 200, 503, 503],
    ['a node without its store', { storeOpen: false }, 200, 503, 503],
    ['a node of which a part failed', { failure: 'gone' }, 503, 503, 503],
  ];
  for (const [name, changes, livez, readyz, health] of table) {
    it(`answers for ${name}`, async () => {
      facts = { ...well, ...changes };
      await listener.start();
      const answers = await Promise.all(['/livez', '/readyz', '/health'].map(get));
      expect(answers.map((answer) => answer.status)).to.deep.equal([livez, readyz, health]);
      const [live, ready, all] = (await Promise.all(answers.map((answer) => answer.json()))) as Record<string, unknown>[];
      expect(live).to.deep.equal({ schemaVersion: 1, live: livez === 200 });
      expect(ready).to.include({ schemaVersion: 1, ready: readyz === 200 }).and.have.property('checks').with.lengthOf(4);
      expect(all).to.have.all.keys('schemaVersion', 'live', 'ready', 'checks', 'warnings');
    });
  }

  it('follows the node without being started again', async () => {
    await listener.start();
    expect((await get('/readyz')).status).to.equal(200);
    facts = { ...well, phase: 'stopping' };
    expect((await get('/readyz')).status).to.equal(503);
  });

  it('answers anything else in the same shape as the control socket', async () => {
    await listener.start();
    const response = await get('/nonsense');
    expect(response.status).to.equal(404);
    expect(await response.json()).to.have.nested.property('error.code', 'MACULA_NOT_FOUND');
  });

  const refused: [string, string, number][] = [['a body too large', `"${'a'.repeat(2000)}"`, 413], ['a body that is no JSON', '{', 400]];
  for (const [what, body, status] of refused) {
    it(`refuses ${what} without taking it for a failure of its own`, async () => {
      await listener.start();
      const response = await fetch(new URL('/metrics', listener.url), { method: 'POST', body, headers: { 'content-type': 'application/json' } });
      expect(response.status).to.equal(status);
      expect(await response.json()).to.have.nested.property('error.code', 'MACULA_USAGE');
      expect(errors).to.deep.equal([]);
    });
  }

  it('says which setting to change when its port is taken, and can start once it is free', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const late = listenerOn('127.0.0.1', port);
    const error = await failure(late);
    expect(error).to.include({ code: 'MACULA_PORT_IN_USE', message: `TCP port ${port} for metrics is taken by another process` });
    expect(error.hint).to.contain('MACULA_METRICS_PORT');
    other.close();
    await once(other, 'close');
    await late.start();
    await late.stop();
  });

  it('says which setting to change when its address is not of this machine', async () => {
    const error = await failure(listenerOn('192.0.2.1', 0));
    expect(error.code).to.equal('MACULA_INVALID_CONFIG');
    expect(error.hint).to.contain('MACULA_METRICS_HOST');
  });

  it('is not kept from answering for long by clients that take all its connections and never finish a request', async () => {
    const patient = new HttpListener({ metrics, health: () => judgeHealth(facts), logger: silentLogger }, { metricsHost: '127.0.0.1', metricsPort: 0, requestTimeoutMs: 200 });
    await patient.start();
    const { port } = new URL(patient.url!);
    const idle: Socket[] = Array.from({ length: 64 }, () => connect(Number(port), '127.0.0.1').on('error', () => undefined));
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    for (const socket of idle) socket.write('GET /livez HTTP/1.1\r\nx-never:');
    await Promise.all(idle.map((socket) => once(socket.resume(), 'close')));
    expect((await fetch(new URL('/livez', patient.url))).status).to.equal(200);
    await patient.stop();
  });

  it('stops at once although a client keeps its connection', async () => {
    await listener.start();
    await (await get('/livez')).text();
    const { url } = listener;
    await listener.stop();
    await listener.stop();
    expect(listener.url).to.equal(undefined);
    expect(await fetch(url!).then(() => 'answered', () => 'refused')).to.equal('refused');
  });
});

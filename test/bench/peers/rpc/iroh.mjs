import { Endpoint, EndpointAddr, EndpointId, RelayMode } from '@number0/iroh';

// A stream for each request, as its protocols do; bytes travel as arrays of numbers, which is what the binding takes.
const alpn = [...Buffer.from('bench/echo')];

async function bound() {
  const builder = Endpoint.builder();
  builder.applyMinimal();
  builder.relayMode(RelayMode.disabled());
  builder.bindAddr('127.0.0.1:0');
  builder.alpns([alpn]);
  return builder.bind();
}

async function answer(connection) {
  for (;;) {
    const stream = await connection.acceptBi();
    void stream.recv.readToEnd(1000).then(async (body) => {
      await stream.send.writeAll(body);
      await stream.send.finish();
    });
  }
}

async function accept(endpoint) {
  for (let incoming = await endpoint.acceptNext(); incoming; incoming = await endpoint.acceptNext()) {
    void incoming.accept().then((accepting) => accepting.connect()).then(answer).catch(() => undefined);
  }
}

export async function serve() {
  const endpoint = await bound();
  void accept(endpoint);
  return { id: endpoint.id().toString(), sockets: endpoint.boundSockets().filter((address) => address.startsWith('127.')) };
}

export async function connector({ id, sockets }) {
  const endpoint = await bound();
  const address = new EndpointAddr(EndpointId.fromString(id), null, sockets);
  return async () => {
    const connection = await endpoint.connect(address, alpn);
    const ask = async (body) => {
      const stream = await connection.openBi();
      await stream.send.writeAll([...body]);
      await stream.send.finish();
      return stream.recv.readToEnd(1000);
    };
    return { ask, close: () => connection.close(0n, []) };
  };
}

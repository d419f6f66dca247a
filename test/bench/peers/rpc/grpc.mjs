import { createRequire } from 'node:module';
import grpc from '@grpc/grpc-js';

// Unary calls over TLS with a certificate of its own, bytes as they are instead of Protocol Buffers.
const bytes = (value) => value;
const echo = { path: '/bench.Echo/Echo', requestStream: false, responseStream: false, requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes };

async function certificate() {
  const require = createRequire(import.meta.url);
  require('reflect-metadata');
  const x509 = require('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const names = new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]);
  const made = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=localhost', notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000), signingAlgorithm: algorithm, keys, extensions: [names] });
  const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { pem: made.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
}

export async function serve() {
  const { pem, key } = await certificate();
  const server = new grpc.Server();
  server.addService({ echo }, { echo: ({ request }, reply) => reply(null, request) });
  const credentials = grpc.ServerCredentials.createSsl(null, [{ private_key: Buffer.from(key), cert_chain: Buffer.from(pem) }]);
  const port = await new Promise((resolve, reject) => server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound))));
  return { port, pem };
}

export function connector({ port, pem }) {
  const Client = grpc.makeGenericClientConstructor({ echo }, 'bench.Echo');
  return () => {
    // Of a pool of its own, or the next client would find the connection of the last.
    const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createSsl(Buffer.from(pem)), { 'grpc.ssl_target_name_override': 'localhost', 'grpc.use_local_subchannel_pool': 1 });
    const ask = (body) => new Promise((resolve, reject) => client.echo(body, (error, reply) => (error ? reject(error) : resolve(reply))));
    return { ask, close: () => client.close() };
  };
}

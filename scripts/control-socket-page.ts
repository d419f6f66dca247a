/** The reference of the control socket, made from its OpenAPI document; the curl lines are run by a test. */

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
}

interface Operation {
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string; readonly required: boolean; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>>;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** A request as the page shows it: its body (bash inside of '"…"'), or its query. In the order in which they work one after another. */
const examples: Readonly<Record<string, { readonly body?: string; readonly query?: string; readonly notRun?: string }>> = {
  'get /v1/status': {},
  'get /v1/wait': { query: '?for=ready&timeoutMs=5000' },
  'post /v1/peers/connect': { body: `{"target":"'"$URL"'"}` },
  'get /v1/peers': {},
  'get /v1/peers/watch': {},
  'post /v1/peers/ping': { body: `{"nodeId":"'"$PEER"'","count":2,"intervalMs":50}` },
  'post /v1/peers/why': { body: `{"nodeId":"'"$PEER"'"}` },
  'post /v1/peers/trust': { body: `{"target":"'"$PEER"'"}` },
  'post /v1/dht/put': { body: '{"key":"motd","value":"good morning","minReplicas":1}' },
  'post /v1/dht/get': { body: '{"key":"motd"}' },
  'post /v1/dht/trace': { body: '{"key":"motd"}' },
  'get /v1/dht/nodes': {},
  'post /v1/dht/providers': { body: '{"name":"math.sum","kind":"procedure"}', notRun: 'nobody serves it here' },
  'post /v1/dht/delete': { body: '{"key":"motd","minReplicas":1}' },
  'post /v1/rpc/call': { body: `{"procedure":"macula.echo","args":["hello"],"node":"'"$PEER"'"}` },
  'post /v1/rpc/serve': { body: '{"procedure":"shout"}' },
  'post /v1/rpc/stream': { body: `{"procedure":"macula.echo","args":["hello"],"node":"'"$PEER"'"}` },
  'post /v1/rpc/answer': { body: `{"callId":"'"$CALL"'","result":"HELLO"}`, notRun: 'only while a call waits; RPC.md has the whole' },
  'get /v1/rpc/procedures': {},
  'post /v1/rpc/providers': { body: '{"procedure":"macula.echo"}' },
  'post /v1/pubsub/subscribe': { body: '{"topic":"sensors.>"}' },
  'post /v1/pubsub/publish': { body: '{"topic":"sensors.kitchen.temperature","payload":"21.5"}' },
  'get /v1/pool': { query: '?connections=true' },
  'post /v1/nat/probe': { body: '{}', notRun: 'it takes a node at another address' },
  'post /v1/bench': { body: `{"node":"'"$PEER"'","kind":"rpc","durationMs":500}` },
  'get /v1/metrics': {},
  'get /v1/config': {},
  'get /v1/openapi.json': {},
  'post /v1/peers/disconnect': { body: `{"nodeId":"'"$PEER"'"}` },
  'post /v1/peers/untrust': { body: `{"target":"'"$PEER"'"}` },
  'post /v1/stop': {},
};

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');

function typeOf(schema: Schema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(' or ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.type === 'array') return schema.items === undefined ? 'array' : `array of ${typeOf(schema.items)}`;
  return schema.type ?? 'any';
}

function fieldRows(schema: Schema): string[] {
  return Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const need = schema.required?.includes(name) && field.default === undefined ? 'yes' : field.default === undefined ? 'no' : `no: \`${JSON.stringify(field.default)}\``;
    return `| \`${name}\` | ${cell(typeOf(field))} | ${need} | ${cell(field.description ?? '')} |`;
  });
}

/** Names of the fields that answers have beside schemaVersion. */
function answerFields(schema: Schema): string[] {
  const parts = [schema, ...(schema.allOf ?? []), ...(schema.anyOf ?? [])];
  const own = parts.flatMap((part) => Object.keys(part.properties ?? {}));
  const nested = parts.slice(1).flatMap((part) => answerFields(part));
  return [...new Set([...own, ...nested])].filter((name) => name !== 'schemaVersion');
}

function curl(method: string, path: string, streams: boolean, { body, query = '' }: { readonly body?: string; readonly query?: string }): string {
  const limit = streams ? ' --no-buffer --max-time 1' : '';
  const post = method === 'get' ? '' : body === undefined ? ' --request POST' : ` --header 'content-type: application/json' --data '${body}'`;
  const address = query === '' ? `http://node${path}` : `'http://node${path}${query}'`;
  return `curl --silent${limit} --unix-socket "$SOCKET" ${address}${post}${streams ? ' || test $? = 28' : ''}`;
}

function operationSection(document: OpenApi, key: string): string[] {
  const [method, path] = key.split(' ') as [string, string];
  const operation = document.paths[path]![method]!;
  const [media, answer] = Object.entries(operation.responses['200']?.content ?? {})[0] ?? [];
  const streams = media === 'application/x-ndjson';
  const request = operation.requestBody?.content['application/json']?.schema;
  const query: Schema | undefined = operation.parameters && {
    properties: Object.fromEntries(operation.parameters.map(({ name, schema }) => [name, schema])),
    required: operation.parameters.filter(({ required }) => required).map(({ name }) => name),
  };
  const rows = fieldRows(request ?? query ?? {});
  const fields = answer === undefined ? [] : answerFields(answer.schema);
  const example = examples[key];
  return [
    `### ${method.toUpperCase()} ${path}`, '',
    `${operation.summary}.${streams ? ' Streams one JSON object a line.' : ''}`, '',
    ...(rows.length === 0 ? [] : [`| ${request ? 'field' : 'in the query'} | type | required | what it is |`, '|---|---|---|---|', ...rows, '']),
    ...(example === undefined ? [] : [`\`\`\`sh${example.notRun === undefined ? '' : ` not-run: ${example.notRun}`}`, curl(method, path, streams, example), '```', '']),
    ...(fields.length === 0 ? [] : [`${streams ? 'A line has' : 'The answer has'} ${fields.map((name) => `\`${name}\``).join(', ')}.`, '']),
  ];
}

/** docs/CONTROL-SOCKET.md. @throws Error when an example is of no operation */
export function renderControlSocket(document: OpenApi, generated: string): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
  const foreign = Object.keys(examples).filter((key) => !operations.includes(key));
  if (foreign.length > 0) throw new Error(`examples of operations that the control socket does not have: ${foreign.join(', ')}`);
  // What stops the node is tried last.
  const shown = [...operations.filter((key) => !(key in examples)), ...Object.keys(examples)];
  return [
    '# The control socket', '', generated, '',
    'Every node answers HTTP and JSON on a Unix socket (a named pipe on Windows), `control.sock` in its data directory unless `MACULA_SOCKET` says otherwise. The command line is a client of it; any language with an HTTP library can be',
    'another. The socket is for the user that runs the node alone (mode 0600), and whoever can open it commands the node: there is no other authentication.', '',
    '- Requests are `GET` with a query, or `POST` with a JSON object. Unknown fields are refused.',
    '- Every answer is one JSON object with `schemaVersion` first, or a stream of them, one a line (NDJSON), until the client goes or the work is done. Ending a request cancels what it asked for.',
    '- A failure has another HTTP status than 200, and `{"schemaVersion":1,"error":{"code","message","hint","details"}}`; in a stream it is the last line. [errors.md](errors.md) lists the codes.',
    '- Bytes are base64 with `"encoding":"base64"`, inside JSON of RPC `{"$base64":"…"}`.',
    '- Fields may be added, and none changes its meaning, within a major version. [openapi.json](openapi.json) has every field with its range, for generators of clients.', '',
    'The lines below work as printed in bash, one after another, with two nodes:', '',
    '```sh',
    'macula node start --detach',
    'macula node start --detach --data-dir ./peer --port 0 --metrics-port 0',
    'SOCKET=$(macula node status --json | jq --raw-output .controlSocket)',
    'PEER=$(macula node status --json --data-dir ./peer | jq --raw-output .nodeId)',
    'URL=https://127.0.0.1:$(macula node status --json --data-dir ./peer | jq \'.listen[0].port\')',
    '```', '',
    '## Requests', '',
    ...shown.flatMap((key) => operationSection(document, key)),
  ].join('\n');
}

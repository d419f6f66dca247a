import { z } from 'zod';
import { errorBody, schemaVersion } from './protocol.js';
import { openApiPath, routes, type Route } from './routes.js';

type Json = Record<string, unknown>;

/** zod states the bounds of exact numbers on every whole number. */
function isNoise(key: string, value: unknown): boolean {
  return (key === 'maximum' || key === 'minimum') && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER;
}

function without(drop: (key: string, value: unknown) => boolean, node: unknown): unknown {
  if (Array.isArray(node)) return node.map((item) => without(drop, item));
  if (typeof node !== 'object' || node === null) return node;
  const kept = Object.entries(node).filter(([key, value]) => !drop(key, value));
  return Object.fromEntries(kept.map(([key, value]) => [key, without(drop, value)]));
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' }) as Json;
  return without(isNoise, rest) as Json;
}

/** The schema of a response: starts with the version, and may have more fields one day. */
function versioned(schema: z.ZodType): Json {
  const version = { type: 'object', properties: { schemaVersion: { const: schemaVersion } }, required: ['schemaVersion'] };
  const fields = without((key, value) => key === 'additionalProperties' && value === false, jsonSchema(schema, 'output'));
  return { allOf: [version, fields] };
}

function parametersOf(query: z.ZodObject): Json[] {
  const { properties, required } = jsonSchema(query, 'input') as { properties: Record<string, Json>; required?: string[] };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: required?.includes(name) ?? false, schema }));
}

function requestContent({ streamsIn, line }: Route, body: z.ZodObject): Json {
  const json = { 'application/json': { schema: jsonSchema(body, 'input') } };
  if (!streamsIn) return json;
  const lines = 'The first line is the object of application/json; each one after it is a value, and may come while the answer does';
  return { ...json, 'application/x-ndjson': { schema: { description: lines, ...(line && { anyOf: [jsonSchema(body, 'input'), jsonSchema(line, 'input')] }) } } };
}

function operationOf(operationId: string, route: Route): Json {
  const type = route.stream ? 'application/x-ndjson' : 'application/json';
  return {
    operationId,
    summary: route.summary,
    ...(route.query && { parameters: parametersOf(route.query) }),
    ...(route.body && { requestBody: { required: true, content: requestContent(route, route.body) } }),
    responses: {
      '200': { description: route.stream ? 'One JSON object a line' : 'Done', content: { [type]: { schema: versioned(route.response) } } },
      default: { $ref: '#/components/responses/Failure' },
    },
  };
}

/**
 * The OpenAPI 3.1 document of the control socket, made from the schemas that check its traffic.
 * @param version version of Macula that serves it
 */
export function openApiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [operationId, route] of Object.entries(routes)) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(operationId, route) };
  }
  const self = { description: 'An OpenAPI 3.1 document', content: { 'application/json': { schema: { type: 'object' } } } };
  paths[openApiPath] = { get: { operationId: 'openApi', summary: 'This document', responses: { '200': self } } };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Macula control socket',
      version,
      summary: 'HTTP/1.1 and JSON over the control socket of a node',
      description: 'Listens on control.sock in the data directory: `curl --unix-socket control.sock http://node/v1/status`. Every answer carries the version of the node in the header macula-version.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://node', description: 'Any host name; the socket decides' }],
    paths,
    components: {
      responses: { Failure: { description: 'Refused or failed', content: { 'application/json': { schema: versioned(errorBody) } } } },
    },
  };
}

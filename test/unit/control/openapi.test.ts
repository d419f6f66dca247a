import { expect } from 'chai';
import { openApiDocument } from '../../../src/lib/control/openapi.js';
import { routes } from '../../../src/lib/control/routes.js';

type Json = { [key: string]: Json };
const document = openApiDocument('1.2.3') as Json;

describe('the OpenAPI document', () => {
  it('has every route with its method', () => {
    for (const [operationId, route] of Object.entries(routes)) {
      expect(document.paths![route.path]![route.method.toLowerCase()], route.path).to.include({ operationId });
    }
    expect(document.info).to.include({ version: '1.2.3' });
  });

  it('resolves every reference it makes', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map((match) => match[1]!);
    expect(references).not.to.be.empty;
    for (const reference of references) {
      expect(reference.split('/').reduce((node: Json | undefined, key) => node?.[key], document), reference).to.be.an('object');
    }
  });

  it('says which fields of a request may be left out', () => {
    const body = document.paths!['/v1/peers/ping']!.post!.requestBody!.content!['application/json']!.schema!;
    expect(body.required).to.deep.equal(['nodeId']);
    expect(body.properties!.count).to.include({ default: 4, type: 'integer' });
    const [condition, timeout] = document.paths!['/v1/wait']!.get!.parameters as unknown as Json[];
    expect(condition).to.include({ name: 'for', in: 'query', required: true });
    expect(timeout).to.include({ name: 'timeoutMs', required: false });
  });

  it('lets responses have more fields', () => expect(JSON.stringify(document.paths!['/v1/status'])).not.to.contain('additionalProperties'));
});

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { labKinds, labRules } from '../../support/deployed-nat-rules.js';

const directory = resolve(import.meta.dirname, '../../../deploy/nat-lab');

interface Service {
  readonly environment?: Readonly<Record<string, string>>;
  readonly networks: Readonly<Record<string, { readonly ipv4_address: string }>>;
}

describe('the NAT lab for Docker', () => {
  const compose = parse(readFileSync(join(directory, 'compose.yaml'), 'utf8'), { merge: true }) as { services: Record<string, Service>; networks: Record<string, { ipam: { config: { subnet: string }[] } }> };
  const services = Object.entries(compose.services);

  it('has the rules of the tests', () => {
    expect(readdirSync(join(directory, 'rules')).sort()).to.deep.equal(labKinds.map((kind) => `${kind}.nft`).sort());
    for (const kind of labKinds) expect(readFileSync(join(directory, 'rules', `${kind}.nft`), 'utf8'), 'write them anew with `npx tsx test/support/write-nat-rules.ts`').to.equal(labRules(kind));
  });

  it('gives every service addresses of its networks', () => {
    for (const [name, { networks }] of services) {
      for (const [network, { ipv4_address: address }] of Object.entries(networks)) {
        expect(compose.networks[network]?.ipam.config[0]?.subnet, name).to.equal(`${address.replace(/\.\d+$/, '')}.0/24`);
      }
    }
  });

  it('tells routers their addresses, and nodes which router and which nodes there are', () => {
    const all = new Set(services.flatMap(([, { networks }]) => Object.values(networks).map(({ ipv4_address: address }) => address)));
    for (const [name, { environment = {}, networks }] of services) {
      const own = Object.values(networks).map(({ ipv4_address: address }) => address);
      if (environment['WAN']) expect([environment['WAN'], environment['LAN']], name).to.deep.equal(own);
      if (environment['ROUTER']) expect(all.has(environment['ROUTER']), name).to.equal(true);
      for (const url of environment['MACULA_BOOTSTRAP_URL']?.split(',') ?? []) expect(all.has(new URL(url).hostname), name).to.equal(true);
      const kind = /:-(.*)\}/.exec(environment['NAT'] ?? '')?.[1];
      if (environment['NAT']) expect(labKinds).to.include(kind);
    }
  });
});

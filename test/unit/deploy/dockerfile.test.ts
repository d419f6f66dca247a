import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { commandTable } from '../../../src/cli/command-table.js';
import { defaultSettings, environmentName, settings, type SettingName } from '../../../src/lib/config/schema.js';
import { dockerStages, valuesOf, type Instruction } from '../../support/dockerfile.js';

const root = resolve(import.meta.dirname, '../../..');

describe('the Dockerfile', () => {
  let build: Instruction[];
  let final: Instruction[];
  before(() => {
    const stages = dockerStages(join(root, 'deploy/docker/Dockerfile'));
    expect(stages).to.have.length(2);
    [build, final] = stages as [Instruction[], Instruction[]];
  });
  const only = (name: string): string => {
    const values = valuesOf(final, name);
    expect(values, name).to.have.length(1);
    return values[0]!;
  };

  it('runs as a numbered user that is not root', () => {
    expect(only('USER')).to.match(/^[1-9]\d*:[1-9]\d*$/);
    expect(final.findIndex(({ name }) => name === 'USER'), 'nothing runs after it').to.be.greaterThan(final.findLastIndex(({ name }) => name === 'RUN'));
  });

  it('keeps everything on a volume that belongs to that user', () => {
    const [uid, gid] = only('USER').split(':');
    expect(only('ENV')).to.equal(`${environmentName('dataDir')}=${only('VOLUME')}`);
    expect(valuesOf(final, 'RUN').join('\n')).to.include(`install --directory --owner ${uid} --group ${gid} --mode 0700 ${only('VOLUME')}`);
  });

  it('sets only variables that are settings', () => {
    const known = new Set((Object.keys(settings) as SettingName[]).map(environmentName));
    for (const [, name] of only('ENV').matchAll(/(\w+)=/g)) expect(known.has(name!), name).to.equal(true);
  });

  it('exposes the default ports', () => {
    const { quicPort, metricsPort } = defaultSettings();
    expect(only('EXPOSE')).to.equal(`${quicPort}/udp ${metricsPort}/tcp`);
  });

  it('starts and checks the node by commands that there are', () => {
    const check = JSON.parse(/CMD (\[.*\])$/.exec(only('HEALTHCHECK'))![1]!) as string[];
    const entry = JSON.parse(only('ENTRYPOINT')) as string[];
    const start = JSON.parse(only('CMD')) as string[];
    expect(entry).to.deep.equal(['tini', '--', 'macula']);
    expect(Object.keys(commandTable)).to.include.members([start.join(':'), check.slice(1, 3).join(':')]);
    expect(check).to.deep.equal(['macula', 'node', 'status']);
  });

  it('builds on the oldest or a newer Node.js than package.json asks for', () => {
    const text = readFileSync(join(root, 'deploy/docker/Dockerfile'), 'utf8');
    const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { engines: { node: string } };
    expect(Number(/^ARG NODE_VERSION=(\d+)$/m.exec(text)![1])).to.be.at.least(Number(/\d+/.exec(engines.node)![0]));
    expect(new Set([build, final].map(([from]) => from!.value.replace(/ AS \w+$/, '')))).to.have.length(1);
  });

  it('gets all that a build reads and all that is published, and no more', () => {
    const ignore = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(ignore[0]).to.equal('*');
    const kept = ignore.slice(1).map((line) => line.replace(/^!/, ''));
    for (const path of kept) expect(existsSync(join(root, path)), path).to.equal(true);
    const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };
    const sources = /const sources = (\[.*\]);/.exec(readFileSync(join(root, 'scripts/prepare.mjs'), 'utf8'))![1]!.replaceAll("'", '"');
    const built = ['dist', 'oclif.manifest.json'];
    expect(kept).to.have.members([...new Set([...files.filter((file) => !built.includes(file)), ...(JSON.parse(sources) as string[]), 'README.md', 'LICENSE'])]);
  });
});

import { LineCounter, parseDocument, type Document } from 'yaml';
import { MaculaError } from '../../lib/base/errors.js';
import type { ContainerFacts, NodeConfiguration, Written } from './migration-finding.js';

type Path = readonly (string | number)[];
type YamlMap = Readonly<Record<string, unknown>>;

/** More than any compose file has; an alias of an alias of an alias makes gigabytes of a kilobyte. */
const maxAliases = 100;

/** A YAML document with the lines its values stand on. */
interface Source {
  readonly document: Document;
  readonly lines: LineCounter;
}

function isMap(value: unknown): value is YamlMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unreadable(name: string, reason: string, line?: number): MaculaError {
  return new MaculaError('MACULA_INVALID_CONFIG', `${name} cannot be read as a compose file: ${reason}`, {
    hint: 'Give a compose file (YAML with `services`) or an environment file (NAME=value lines).',
    details: { path: name, ...(line !== undefined && { line }) },
  });
}

function parse(text: string, name: string): { source: Source; content: unknown } {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { merge: true, lineCounter: lines, prettyErrors: false, logLevel: 'error' });
    const [error] = document.errors;
    if (error) {
      const { line, col } = lines.linePos(error.pos[0]);
      throw unreadable(name, `line ${line}, column ${col}: ${error.message}`, line);
    }
    return { source: { document, lines }, content: document.toJS({ maxAliasCount: maxAliases }) };
  } catch (error) {
    if (error instanceof MaculaError) throw error;
    // The parser limits aliases; nesting is limited by the stack.
    throw unreadable(name, MaculaError.from(error).message);
  }
}

function lineOf({ document, lines }: Source, path: Path): number | null {
  const node = document.getIn(path, true) as { range?: readonly number[] } | undefined;
  return node?.range === undefined ? null : lines.linePos(node.range[0]!).line;
}

/** A scalar as it is written; a list or map as one line. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map((item) => (isMap(item) ? '' : String(item))).join(' ');
  return isMap(value) ? '' : String(value as string | number | boolean);
}

function written(source: Source, path: Path, value: unknown): Written | undefined {
  const text = textOf(value);
  return text === '' ? undefined : { text, line: lineOf(source, path) };
}

/** The items of a list that may also be written as one scalar. */
function items(source: Source, path: Path, value: unknown): { item: unknown; line: number | null }[] {
  if (Array.isArray(value)) return value.map((item: unknown, index) => ({ item, line: lineOf(source, [...path, index]) }));
  return value === undefined || value === null || isMap(value) ? [] : [{ item: value, line: lineOf(source, path) }];
}

function environmentOf(source: Source, path: Path, value: unknown): Map<string, Written> {
  const variables = new Map<string, Written>();
  if (isMap(value)) {
    for (const [name, set] of Object.entries(value)) variables.set(name, { text: textOf(set), line: lineOf(source, [...path, name]) });
    return variables;
  }
  for (const { item, line } of items(source, path, value)) {
    const [name, ...rest] = textOf(item).split('=');
    // A variable without `=` is taken from the environment of whoever runs compose.
    variables.set(name!, { text: rest.length === 0 ? `\${${name}}` : rest.join('='), line });
  }
  return variables;
}

/** `published:target/protocol`, also of the long form. */
function portText(item: unknown): string {
  if (!isMap(item)) return textOf(item);
  const published = textOf(item.published);
  return `${published === '' ? '' : `${published}:`}${textOf(item.target)}/${textOf(item.protocol) || 'tcp'}`;
}

/** The path in the container. `source:target[:mode]`, or the target alone. */
function mountTarget(item: unknown): string {
  if (isMap(item)) return item.type === 'tmpfs' ? '' : textOf(item.target);
  const parts = textOf(item).split(':');
  return parts.length === 1 ? parts[0]! : parts[1]!;
}

function containerOf(source: Source, path: Path, service: YamlMap): ContainerFacts {
  const of = (key: string): Written | undefined => written(source, [...path, key], service[key]);
  const list = (key: string, text: (item: unknown) => string): Written[] =>
    items(source, [...path, key], service[key]).map(({ item, line }) => ({ text: text(item), line })).filter((each) => each.text !== '');
  const build = isMap(service.build) ? service.build : {};
  const test = isMap(service.healthcheck) ? service.healthcheck.test : undefined;
  return {
    line: lineOf(source, path),
    image: of('image'),
    dockerfile: written(source, [...path, 'build', 'dockerfile'], build.dockerfile),
    commands: [of('command'), of('entrypoint')].filter((each) => each !== undefined),
    healthcheck: written(source, [...path, 'healthcheck', 'test'], test),
    ports: list('ports', portText),
    hostNetwork: service.network_mode === 'host',
    mounts: list('volumes', mountTarget),
    environmentFiles: list('env_file', (item) => textOf(isMap(item) ? item.path : item)),
  };
}

const namesOfMacula = /^(MACULA_\w+|GATEWAY_PORT|TLS_CERT_FILE|REALM_ID)$/;

/** Others may stand in the same file: what belongs to Macula is told by its variables or by its name. */
function runsMacula({ variables, container }: NodeConfiguration, service: YamlMap): boolean {
  const name = [container?.image?.text, container?.dockerfile?.text, textOf(service.container_name)].join(' ');
  return /macula/i.test(name) || [...variables.keys()].some((variable) => namesOfMacula.test(variable));
}

/**
 * Reads the services of a compose file that run Macula.
 * @param name what the file is called in messages
 * @throws MaculaError MACULA_INVALID_CONFIG (no YAML, no services), MACULA_NOT_FOUND (none of them runs Macula)
 */
export function readComposeFile(text: string, name: string): NodeConfiguration[] {
  const { source, content } = parse(text, name);
  const services = isMap(content) ? content.services : undefined;
  if (!isMap(services)) throw unreadable(name, 'it has no `services`');
  const configurations: NodeConfiguration[] = [];
  for (const [service, facts] of Object.entries(services)) {
    if (!isMap(facts)) continue;
    const path = ['services', service];
    const variables = environmentOf(source, [...path, 'environment'], facts.environment);
    const configuration = { service, variables, container: containerOf(source, path, facts) };
    if (runsMacula(configuration, facts)) configurations.push(configuration);
  }
  if (configurations.length > 0) return configurations;
  throw new MaculaError('MACULA_NOT_FOUND', `no service of ${name} runs Macula`, {
    hint: 'A service counts as one of Macula if it sets a variable of Macula, or if its image or container is called so.',
    details: { path: name, services: Object.keys(services) },
  });
}

import { readFileSync } from 'node:fs';

interface PackageJson {
  readonly version: string;
}

/** Version of this copy of Macula, as package.json says it. The path is the same from src/lib/node and dist/lib/node. */
export const version = (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as PackageJson).version;

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PJSON } from '@oclif/core/interfaces';

/** What package.json says of this copy of Macula. */
export interface PackageInfo {
  /** Directory of package.json. */
  readonly root: string;
  readonly version: string;
  /** package.json itself, as oclif wants it. */
  readonly pjson: PJSON;
}

/** @throws Node.js system errors and SyntaxError: an installation without a readable package.json is broken */
export function readPackageInfo(root: string): PackageInfo {
  const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as PJSON;
  return { root, version: pjson.version, pjson };
}

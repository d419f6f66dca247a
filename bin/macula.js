#!/usr/bin/env node
import { existsSync } from 'node:fs';

const entry = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(entry)) {
  const { main } = await import(entry.href);
  await main(process.argv.slice(2), new URL('..', import.meta.url));
} else {
  process.stderr.write('Error: this copy of Macula is not built yet\n  → Run `npm run build` in its directory.\n');
  process.exitCode = 1;
}

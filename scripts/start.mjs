// npm start: runs a node in the foreground; arguments are those of `macula node start`.
import { prepare } from './prepare.mjs';
import { root, run } from './project.mjs';

await prepare();
process.exitCode = await run(process.execPath, [`${root}/bin/macula.js`, 'node', 'start', ...process.argv.slice(2)], { cwd: process.env.INIT_CWD ?? process.cwd() });

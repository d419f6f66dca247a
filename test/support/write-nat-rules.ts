import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { labKinds, labRules } from './deployed-nat-rules.js';

/** Writes the rules of deploy/nat-lab anew. */
for (const kind of labKinds) writeFileSync(resolve(import.meta.dirname, `../../deploy/nat-lab/rules/${kind}.nft`), labRules(kind));

/* eslint-disable @typescript-eslint/no-require-imports -- CommonJS, as it stands in dist/ next to the bundle it loads */
'use strict';
// Loads the bundle of the command line with the code V8 compiled from it when it was built: half of the start is
// compiling otherwise. V8 refuses a cache of another version or source; the bundle is compiled then as ever.
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { enableCompileCache, wrap } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

const filename = join(__dirname, 'main.cjs');
const cacheFile = join(__dirname, 'main.cache');

/** Imports a module for the bundle: code from a cache cannot import by itself. Paths are relative to this file. */
exports.importModule = (specifier) => import(specifier);

/** @param recordCache at exit, write what was compiled until then for the next time */
exports.load = function load(recordCache = false) {
  const cachedData = existsSync(cacheFile) ? readFileSync(cacheFile) : undefined;
  const script = new Script(wrap(readFileSync(filename, 'utf8')), {
    filename,
    cachedData,
  });
  // Node.js 22 and newer can keep such caches by themselves, one for each version.
  if (script.cachedDataRejected && enableCompileCache) {
    enableCompileCache();
    return require(filename);
  }
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, filename, __dirname);
  if (recordCache) process.on('exit', () => writeFileSync(cacheFile, script.createCachedData()));
  return module.exports;
};

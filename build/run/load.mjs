/**
 * Loads the scripts next to this file in dist/. Compiling them took most of a start, so the build
 * stores the compiled code there too. Nothing is written at run time: if the compiled code is missing
 * or from another Node, V8 compiles the script again.
 */
import { createRequire } from 'node:module';

// An `import` of a built-in module evaluates all of its exports, which loads modules that are not
// needed.
const require = createRequire(import.meta.url);
const { existsSync, readFileSync } = require('node:fs');
const { fileURLToPath } = require('node:url');
const { Script } = require('node:vm');

/** Where the database's driver looks for its native addon; nothing else in the scripts asks for it. */
const driver = fileURLToPath(new URL('.', import.meta.resolve('better-sqlite3')));

/** Runs a script and returns its exports. */
export function load(name) {
  const filename = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const compiled = fileURLToPath(new URL(`${name}.cache`, import.meta.url));
  const script = new Script(readFileSync(filename, 'latin1'), {
    filename,
    cachedData: existsSync(compiled) ? readFileSync(compiled) : undefined,
  });
  const module = { exports: {} };
  script.runInThisContext()(require, module, import.meta, driver, load);
  return module.exports;
}

/**
 * Loads the scripts that lie beside it in dist/. Most of a start went to compiling them; what the
 * build has compiled lies there too. Nothing is ever written at run time: where that is missing or of
 * another Node, V8 compiles anew.
 */
import { createRequire } from 'node:module';

// An `import` of a part of Node looks at all that it exports, and so loads what nobody asked for.
const require = createRequire(import.meta.url);
const { existsSync, readFileSync } = require('node:fs');
const { fileURLToPath } = require('node:url');
const { Script } = require('node:vm');

/** Runs a script and gives what it exports. */
export function load(name) {
  const filename = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const compiled = fileURLToPath(new URL(`${name}.cache`, import.meta.url));
  const script = new Script(readFileSync(filename, 'latin1'), {
    filename,
    cachedData: existsSync(compiled) ? readFileSync(compiled) : undefined,
  });
  const module = { exports: {} };
  script.runInThisContext()(require, module, import.meta, load);
  return module.exports;
}

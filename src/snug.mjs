/**
 * What is run: loads the program that lies beside it in dist/. Most of a start went to compiling it;
 * what the build has compiled lies there too. Nothing is ever written at run time: where that is
 * missing or of another Node, V8 compiles anew.
 */
import { createRequire } from 'node:module';

// An `import` of a part of Node looks at all that it exports, and so loads what nobody asked for.
const require = createRequire(import.meta.url);
const { existsSync, readFileSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const { fileURLToPath } = require('node:url');
const { Script } = require('node:vm');

// A thread of Node's pool that has once hashed a password holds 36 MB for good. Of the four that Node
// would make, those that hash at once (users/passwords.ts) are enough, and one for the log.
process.env.UV_THREADPOOL_SIZE ??= String(Math.min(4, Math.max(2, availableParallelism())));

const program = fileURLToPath(new URL('program.js', import.meta.url));
const compiled = fileURLToPath(new URL('program.cache', import.meta.url));

/** Exported for the build, which keeps what was compiled of it. */
export const script = new Script(readFileSync(program, 'latin1'), {
  filename: program,
  cachedData: existsSync(compiled) ? readFileSync(compiled) : undefined,
});

script.runInThisContext()(require, import.meta);

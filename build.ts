/** Makes dist/snug.mjs, the program as it is run: one file starts far faster than its sources. */
import { build } from 'esbuild';

await build({
  entryPoints: ['src/main.ts'],
  outfile: 'dist/snug.mjs',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  // A native addon, and a word list that is read only when a password is chosen.
  external: ['better-sqlite3', '@zxcvbn-ts/language-common'],
  // Some of what is bundled is CommonJS and asks for Node's own modules by `require`.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});

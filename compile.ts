/** Runs dist/snug.mjs, and keeps beside it what has been compiled by its end; see build.ts. */
import { writeFileSync } from 'node:fs';

const program = new URL('dist/snug.mjs', import.meta.url);
const { script } = await import(program.href);
process.on('exit', () => {
  writeFileSync(new URL('program.cache', program), script.createCachedData());
});

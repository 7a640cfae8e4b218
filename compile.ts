/** Runs the program that it is given, and keeps beside it what was compiled by its end; see build.ts. */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

// What is left are the program's own arguments.
const [started = ''] = process.argv.splice(2, 1);
const program = pathToFileURL(started);
const { script } = await import(program.href);
process.on('exit', () => {
  writeFileSync(new URL('program.cache', program), script.createCachedData());
});

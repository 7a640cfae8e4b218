/** Makes the programs that are compared. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { asModule, buildAll, buildProgram } from '../build.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Snug with other numbers in its sources, to see what they bring: there is no switch for what
 * nobody should ever switch.
 */
const variants = {
  /** Each post has a commit of its own. */
  single: { batchLimit: 1 },
} satisfies Record<string, Record<string, number>>;

export type Variant = keyof typeof variants;

/** The names of the files. */
export interface Bundles extends Record<Variant | 'floor' | 'snug', string> {
  /** Tells one state of the sources from another. */
  readonly fingerprint: string;
}

/** Builds all of them; it works from the project's folder on. */
export async function bundleServers(): Promise<Bundles> {
  process.chdir(root);
  await buildAll();
  const [floor, single] = await Promise.all([bundleFloor(), buildVariant('single')]);
  return { snug: `${root}dist/snug.mjs`, floor, single, fingerprint: fingerprint() };
}

/** The variant follows from the same sources. */
function fingerprint(): string {
  const hash = createHash('sha256');
  for (const file of ['snug.mjs', 'program.js', 'writer.mjs', 'floor.mjs']) {
    hash.update(readFileSync(`${root}dist/${file}`));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Beside the program, where it is ignored by git. */
async function bundleFloor(): Promise<string> {
  const outfile = `${root}dist/floor.mjs`;
  await build({ ...asModule, entryPoints: ['bench/floor.ts'], outfile });
  return outfile;
}

/** As Snug itself is built, in a folder of its own. */
async function buildVariant(name: Variant): Promise<string> {
  const folder = `${root}dist/${name}`;
  await buildProgram(folder, [replaceNumbers(variants[name])]);
  return `${folder}/snug.mjs`;
}

/** Gives constants of what serves other values, each of which must stand in one place. */
function replaceNumbers(numbers: Record<string, number>): Plugin {
  return {
    name: 'numbers',
    setup({ onLoad, onEnd }) {
      const found: string[] = [];
      onLoad({ filter: /\/src\/[^.]+\.ts$/ }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        const contents = source.replace(/(?<=^const (\w+) = )[\d_]+(?=;$)/gm, (old, name) => {
          if (!(name in numbers)) return old;
          found.push(name);
          return String(numbers[name]);
        });
        return { contents, loader: 'ts' };
      });
      onEnd(() => {
        if (found.sort().join() === Object.keys(numbers).sort().join()) return;
        throw new Error(`src/ has other constants than ${Object.keys(numbers)}: see bundle.ts`);
      });
    },
  };
}

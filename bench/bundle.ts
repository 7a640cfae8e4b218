/** Makes the programs that are compared, all in the same way. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';

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

/** Bundles all of them; it works from the project's folder on. */
export async function bundleServers(): Promise<Bundles> {
  process.chdir(root);
  const { asModule } = await import('../build.ts');
  const snug = `${root}dist/snug.mjs`;
  const floor = await bundle('floor', 'bench/floor.ts', asModule);
  const plugins = [replaceNumbers(variants.single)];
  const single = await bundle('single', 'src/main.ts', { ...asModule, plugins });
  const program = readFileSync(`${root}dist/program.js`);
  const hash = createHash('sha256').update(program).update(readFileSync(floor));
  return { snug, floor, single, fingerprint: hash.digest('hex').slice(0, 16) };
}

/** Beside the other bundle, where it is ignored by git. */
async function bundle(name: string, entry: string, options: BuildOptions): Promise<string> {
  const outfile = `${root}dist/${name}.mjs`;
  await build({ ...options, entryPoints: [entry], outfile });
  return outfile;
}

/** Gives constants of the sources other values, each of which must stand in one place. */
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

/** Builds the programs that are compared. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { buildAll, buildProgram, common } from '../build/build.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A place in the sources, and its replacement. */
interface Edit {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/**
 * Snug without one of its parts, to measure the gain from it. Snug has no switch for these parts,
 * because nobody should ever switch them off.
 */
export const variants = {
  /** Each post has a commit of its own. */
  single: { file: 'db/writer/group-commit.ts', find: 'batchLimit = 256;', put: 'batchLimit = 1;' },
  /** The main thread also writes. */
  oneThread: {
    file: 'serve.ts',
    find: 'program: { url: writerModule, mutations },',
    put: '',
  },
  /** Sessions and memberships are cached; pages and lists, which events update, are not. */
  uncachedPages: {
    file: 'db/cache/entries.ts',
    find: 'if (size > this.#maxBytes) return;',
    put: 'if (size > this.#maxBytes || query.applyEvent !== undefined) return;',
  },
  /** A post invalidates cached pages and lists instead of updating them. */
  invalidated: {
    file: 'db/cache/entries.ts',
    find: 'const canApply = entry.updatedBy?.some((other) => isSameTag(other, tag)) === true;',
    put: 'const canApply = false;',
  },
  /** Each event is serialised for each stream separately. */
  perStream: {
    file: 'events/hub.ts',
    find: 'sharesChat)) stream.push(text);',
    put: 'sharesChat)) stream.push(sseFrame(event.type, event.payload.message, event.id));',
  },
  /** The log only grows, so that its size says how much was ever written to it. */
  keptLog: {
    file: 'db/writer/group-commit.ts',
    find: 'if (written.isWalLong && ',
    put: 'if (false && ',
  },
} satisfies Record<string, Edit>;

export type Variant = keyof typeof variants;

/** The paths of the built files. */
export interface Bundles extends Record<Variant | 'floor' | 'snug', string> {
  /** Identifies a state of the sources. */
  readonly fingerprint: string;
}

/** Builds all of them; changes the working directory to the project's root. */
export async function bundleServers(): Promise<Bundles> {
  process.chdir(root);
  await buildAll();
  const floor = await bundleFloor();
  const built = {} as Record<Variant, string>;
  for (const name of Object.keys(variants) as Variant[]) built[name] = await buildVariant(name);
  return { ...built, floor, snug: `${root}dist/snug.mjs`, fingerprint: fingerprint() };
}

/** Does not include the variants, because they are built from the same sources. */
function fingerprint(): string {
  const hash = createHash('sha256');
  for (const file of ['program.js', 'compilers.js', 'writer.js', 'floor.mjs']) {
    hash.update(readFileSync(`${root}dist/${file}`));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Next to the program, where git ignores it. */
async function bundleFloor(): Promise<string> {
  const outfile = `${root}dist/floor.mjs`;
  await build({
    ...common,
    entryPoints: ['bench/floor.ts'],
    outfile,
    format: 'esm',
    // Some bundled packages are CommonJS and call `require` for Node's built-in modules.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  return outfile;
}

/** Built in the same way as Snug itself, in its own folder. */
async function buildVariant(name: Variant): Promise<string> {
  const folder = `${root}dist/${name}`;
  await buildProgram(folder, [applyEdit(variants[name])]);
  return `${folder}/snug.mjs`;
}

/** Applies an edit to the sources; the text to replace must occur exactly once. */
function applyEdit({ file, find, put }: Edit): Plugin {
  return {
    name: 'edit',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (path !== `${root}src/${file}`) return undefined;
        const [before = '', after, ...more] = (await readFile(path, 'utf8')).split(find);
        if (after !== undefined && more.length === 0) {
          return { contents: before + put + after, loader: 'ts' };
        }
        throw new Error(`src/${file} must contain "${find}" exactly once: see bench/bundle.ts`);
      });
    },
  };
}

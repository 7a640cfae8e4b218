/** Makes the programs that are compared. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { buildAll, buildProgram, common } from '../build/build.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A place in the sources, and what stands there instead. */
interface Edit {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/**
 * Snug without one of its parts, to see what that brings: there is no switch for what nobody should
 * ever switch off.
 */
export const variants = {
  /** Each post has a commit of its own. */
  single: { file: 'db/writer/group-commit.ts', find: 'batchLimit = 256;', put: 'batchLimit = 1;' },
  /** The thread that serves writes as well. */
  oneThread: {
    file: 'serve.ts',
    find: 'program: { url: writerModule, mutations },',
    put: '',
  },
  /** Who asks, and whether they may, is kept; pages and lists are not: these are what grows. */
  readAnew: {
    file: 'db/cache/entries.ts',
    find: 'if (size > this.#maxBytes) return;',
    put: 'if (size > this.#maxBytes || query.applyEvents !== undefined) return;',
  },
  /** Pages and lists are kept until something is posted, and read anew then. */
  dropped: {
    file: 'db/cache/entries.ts',
    find: 'const canApply = entry.updatedBy?.some((other) => isSameTag(other, tag)) === true;',
    put: 'const canApply = false;',
  },
  /** What happens is made into text for each stream by itself. */
  apart: {
    file: 'events/hub.ts',
    find: 'chats)) stream.push(text);',
    put: 'chats)) stream.push(sseFrame(event.type, event.payload.message, event.id));',
  },
} satisfies Record<string, Edit>;

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
  const floor = await bundleFloor();
  const built = {} as Record<Variant, string>;
  for (const name of Object.keys(variants) as Variant[]) built[name] = await buildVariant(name);
  return { ...built, floor, snug: `${root}dist/snug.mjs`, fingerprint: fingerprint() };
}

/** The variants follow from the same sources. */
function fingerprint(): string {
  const hash = createHash('sha256');
  for (const file of ['program.js', 'compilers.js', 'writer.js', 'floor.mjs']) {
    hash.update(readFileSync(`${root}dist/${file}`));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Beside the program, where it is ignored by git. */
async function bundleFloor(): Promise<string> {
  const outfile = `${root}dist/floor.mjs`;
  await build({
    ...common,
    entryPoints: ['bench/floor.ts'],
    outfile,
    format: 'esm',
    // Some of what is bundled is CommonJS and asks for Node's own modules by `require`.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  return outfile;
}

/** As Snug itself is built, in a folder of its own. */
async function buildVariant(name: Variant): Promise<string> {
  const folder = `${root}dist/${name}`;
  await buildProgram(folder, [applyEdit(variants[name])]);
  return `${folder}/snug.mjs`;
}

/** Changes what serves in one place, which must be there just once. */
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
        throw new Error(`src/${file} has not "${find}" in one place: see bundle.ts`);
      });
    },
  };
}

/** Makes the two programs that are compared, in the same way. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The names of the files. */
export interface Bundles {
  readonly floor: string;
  readonly snug: string;
}

/** Bundles both; it works from the project's folder on. */
export async function bundleServers(): Promise<Bundles> {
  process.chdir(root);
  await import('../build.ts');
  // As in build.ts; beside the other bundle, where it is ignored by git.
  await build({
    entryPoints: ['bench/floor.ts'],
    outfile: 'dist/floor.mjs',
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  return { floor: `${root}dist/floor.mjs`, snug: `${root}dist/snug.mjs` };
}

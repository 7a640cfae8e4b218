/** Makes dist/: the program as it is run (snug.mjs, writer.mjs) and the client it serves (web/). */
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { build, type Plugin } from 'esbuild';

const web = 'dist/web';

/**
 * An import of `node:http` looks at all that it exports, and so loads the client behind
 * `http.WebSocket`, which nobody asked for: 35 ms of a start of 250. `require` does not.
 */
const httpByRequire: Plugin = {
  name: 'http-by-require',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:http$/ }, ({ kind }) =>
      kind === 'import-statement' ? { path: 'node:http', namespace: 'by-require' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'by-require' }, ({ path }) => ({
      contents: `module.exports = require('${path}');`,
    }));
  },
};

await rm('dist', { recursive: true, force: true });
await Promise.all([buildServer(), buildClient()]);

async function buildServer(): Promise<void> {
  await build({
    entryPoints: { snug: 'src/main.ts', writer: 'src/writer.ts' },
    outdir: 'dist',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Node reads all of it at each start; names stay, for who reads a stack.
    minifyWhitespace: true,
    plugins: [httpByRequire],
    // A native addon, and a word list that is read only when a password is chosen.
    external: ['better-sqlite3', '@zxcvbn-ts/language-common'],
    // Some of what is bundled is CommonJS and asks for Node's own modules by `require`.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}

/** A few files whose names change with their contents, and the page that names them. */
async function buildClient(): Promise<void> {
  await mkdir(web, { recursive: true });
  const { metafile } = await build({
    entryPoints: { app: 'src/web/main.tsx', style: 'src/web/style.css' },
    outdir: `${web}/assets`,
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    minify: true,
    metafile: true,
    format: 'esm',
    target: 'es2023',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    logLevel: 'warning',
  });
  const files = Object.keys(metafile.outputs).map((path) => path.slice(web.length));
  const named = (start: string) => files.find((file) => basename(file).startsWith(start)) ?? '';
  const page = (await readFile('src/web/index.html', 'utf8'))
    .replace('{style}', named('style-').slice(1))
    .replace('{script}', named('app-').slice(1));
  await writeFile(`${web}/index.html`, page);
  for (const file of ['icon.svg', 'icon-192.png', 'icon-512.png', 'manifest.webmanifest']) {
    await cp(`src/web/${file}`, `${web}/${file}`);
  }
  await buildWorker(['/', '/icon.svg', '/manifest.webmanifest', ...files], page);
}

async function buildWorker(files: string[], page: string): Promise<void> {
  const version = createHash('sha256').update(page).update(files.join()).digest('hex').slice(0, 12);
  await build({
    entryPoints: ['src/web/sw.ts'],
    outfile: `${web}/sw.js`,
    bundle: true,
    minify: true,
    define: { shell: JSON.stringify({ version, files }) },
    logLevel: 'warning',
  });
}

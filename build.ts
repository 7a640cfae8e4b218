/** Makes dist/: the program (snug.mjs, and what it loads) and the client that it serves (web/). */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import {
  compilers,
  compilersFile,
  foregone,
  leaveOut,
  loadLater,
  takeInDriver,
} from './bundling.ts';

const web = 'dist/web';

/** It is read only when a password is chosen. */
const wordList = '@zxcvbn-ts/language-common';

const common = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  // Node reads all of it at each start; names stay, for who reads a stack.
  minifyWhitespace: true,
  // One has a native addon.
  external: ['better-sqlite3', wordList],
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** A program that is a module of its own. */
export const asModule = {
  ...common,
  format: 'esm',
  // Some of what is bundled is CommonJS and asks for Node's own modules by `require`.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
} as const satisfies BuildOptions;

if (import.meta.main) await buildAll();

/** Makes all of it; the project's folder must be the current one. */
export async function buildAll(): Promise<void> {
  await rm('dist', { recursive: true, force: true });
  await Promise.all([buildProgram('dist'), buildClient()]);
}

/**
 * Makes the program, without the client.
 *
 * @param folder where all of its files lie.
 * @param plugins change the sources of what serves, but not of the thread that writes.
 */
export async function buildProgram(folder: string, plugins: readonly Plugin[] = []): Promise<void> {
  await Promise.all([buildServer(folder, plugins), buildCompilers(folder), buildWriter(folder)]);
}

/** What is run, the program that it loads, and what was compiled of that here: see decision 14. */
async function buildServer(folder: string, plugins: readonly Plugin[]): Promise<void> {
  await build({
    ...common,
    entryPoints: ['src/main.ts'],
    outfile: `${folder}/program.js`,
    // Of a script, unlike a module, the compiled code can be kept.
    format: 'cjs',
    // For a script, Node does not have it yet without a warning.
    supported: { 'dynamic-import': false },
    external: [wordList],
    plugins: [leaveOut, loadLater, foregone, takeInDriver, ...plugins],
    define: { 'import.meta': 'meta' },
    banner: { js: '(function (require, meta) {' },
    footer: { js: '})' },
  });
  const started = `${folder}/snug.mjs`;
  await cp('src/snug.mjs', started);
  await compileServer(resolve(started));
}

async function buildCompilers(folder: string): Promise<void> {
  const getters = compilers.map((path) => `get '${path}'() { return require('${path}'); },`);
  await build({
    ...common,
    stdin: { contents: `module.exports = {${getters.join('\n')}};`, resolveDir: '.' },
    outfile: `${folder}/${compilersFile}`,
    format: 'cjs',
  });
}

/** The program of the thread that writes; it starts beside the first requests. */
async function buildWriter(folder: string): Promise<void> {
  await build({ ...asModule, entryPoints: ['src/writer.ts'], outfile: `${folder}/writer.mjs` });
}

/** Keeps the compiled code of all that a start of the server runs. */
async function compileServer(started: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'snug-build-'));
  const env = { DATABASE_URL: join(folder, 'snug.sqlite'), HOST: '127.0.0.1', PORT: '0' };
  const script = fileURLToPath(new URL('compile.ts', import.meta.url));
  const server = spawn(process.execPath, [script, started, 'serve'], {
    // No settings of anybody's: neither from here nor from a file .env.
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'exit');
  for await (const line of createInterface(server.stdout)) {
    const [, url] = /listening at (http:[^"]+)/.exec(line) ?? [];
    if (url === undefined) continue;
    await fetch(`${url}/healthz`);
    server.kill('SIGTERM');
  }
  const [code] = await ended;
  await rm(folder, { recursive: true });
  if (code !== 0) throw new Error(`the server does not start: it ended with ${code}`);
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

/**
 * Builds dist/: the program (snug.mjs and its scripts), the client (web/), and the pack of served
 * files.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { compilers, startPlugin } from './bundling.ts';
import { filesIn, packFiles } from './packing.ts';

const web = 'dist/web';

/** The files of the API's documentation page that the server does not generate itself. */
const docs = ['swagger-ui.css', 'swagger-ui-bundle.js'];

/** Loaded only when somebody chooses a password. */
const wordList = '@zxcvbn-ts/language-common';

/** The build options for Node. */
export const common = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  // Node reads the whole file at each start. Names stay, for readable stack traces.
  minifyWhitespace: true,
  // better-sqlite3 has a native addon.
  external: ['better-sqlite3', wordList],
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** A script for load.mjs. Unlike that of a module, the compiled code of a script can be cached. */
const scriptOptions = {
  ...common,
  format: 'cjs',
  // For scripts, Node still prints a warning about it.
  supported: { 'dynamic-import': false },
  external: [wordList],
  define: { 'import.meta': 'meta' },
  banner: { js: '(function (require, module, meta, __dirname, load) {' },
  footer: { js: '})' },
} as const satisfies BuildOptions;

if (import.meta.main) await buildAll();

/** Builds everything; the project's folder must be the current one. */
export async function buildAll(): Promise<void> {
  await rm('dist', { recursive: true, force: true });
  await Promise.all([buildProgram('dist'), buildFiles()]);
}

/**
 * Builds the program without the client: the starter, its scripts, and the code compiled from them
 * here (see decision 14).
 *
 * @param folder the output folder.
 * @param plugins change the sources of the server, but not those of the writer thread.
 */
export async function buildProgram(folder: string, plugins: readonly Plugin[] = []): Promise<void> {
  await Promise.all([
    buildScript(`${folder}/program.js`, 'src/main.ts', plugins),
    buildScript(`${folder}/writer.js`, 'src/writer.ts'),
    buildCompilers(`${folder}/compilers.js`),
  ]);
  for (const file of ['load.mjs', 'writer.mjs']) await cp(`build/run/${file}`, `${folder}/${file}`);
  await buildStarter(`${folder}/snug.mjs`);
  await compileScripts(resolve(folder, 'snug.mjs'));
}

/** The starter: even a Node that is too old must be able to parse it, to print what it needs. */
async function buildStarter(outfile: string): Promise<void> {
  await build({
    entryPoints: ['build/run/snug.mjs'],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node12.20',
    logLevel: 'warning',
  });
  await chmod(outfile, 0o755);
}

async function buildScript(
  outfile: string,
  entry: string,
  plugins: readonly Plugin[] = [],
): Promise<void> {
  await build({
    ...scriptOptions,
    entryPoints: [entry],
    outfile,
    plugins: [startPlugin, ...plugins],
  });
}

async function buildCompilers(outfile: string): Promise<void> {
  const getters = compilers.map((path) => `get '${path}'() { return require('${path}'); },`);
  const contents = `module.exports = {${getters.join('\n')}};`;
  await build({ ...scriptOptions, stdin: { contents, resolveDir: '.' }, outfile });
}

/** Starts the server and sends it a few requests of every kind, so that their code is compiled. */
async function compileScripts(started: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'snug-build-'));
  const env = { DATABASE_URL: join(folder, 'snug.sqlite'), HOST: '127.0.0.1', PORT: '0' };
  const compile = new URL('compile.ts', import.meta.url).href;
  const server = spawn(process.execPath, ['--import', compile, started, 'serve'], {
    // Without settings from the environment or a file .env.
    cwd: folder,
    env,
    // A new server prints the address for its first account to standard error; it is not needed
    // here.
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(server, 'exit');
  for await (const line of createInterface(server.stdout)) {
    const [, url] = /listening at (http:[^"]+)/.exec(line) ?? [];
    if (url === undefined) continue;
    await visit(url);
    server.kill('SIGTERM');
  }
  const [code] = await ended;
  await rm(folder, { recursive: true });
  if (code !== 0) throw new Error(`the server does not start: its exit code is ${code}`);
}

/** The requests that clients send first to a server that has restarted. */
async function visit(url: string): Promise<void> {
  await fetch(`${url}/healthz`);
  const person = { name: 'alice', email: 'alice@example.org', password: 'correct-horse-battery' };
  const { headers } = await fetch(`${url}/api/user`, {
    method: 'POST',
    body: new URLSearchParams(person),
  });
  const cookie = headers
    .getSetCookie()
    .map((text) => text.split(';', 1))
    .join('; ');
  const ask = async (path: string, form?: Record<string, string>) =>
    fetch(`${url}${path}`, {
      headers: { cookie },
      ...(form !== undefined && { method: 'POST', body: new URLSearchParams(form) }),
    });
  const chat = (await ask('/api/chats', { title: 'Sunday hike' })).headers.get('location') ?? '';
  const posted = await ask(chat, { content: 'Shall we meet at nine?' });
  if (posted.status !== 201) throw new Error(`a message was answered with ${posted.status}`);
  await ask(chat);
  await ask('/api/chats');
}

/** Builds the client, and packs it with all other files that are served unchanged. */
async function buildFiles(): Promise<void> {
  await buildClient();
  const files = await filesIn(web);
  for (const name of docs) {
    const path = fileURLToPath(import.meta.resolve(`@fastify/swagger-ui/static/${name}`));
    files.set(`docs/${name}`, await readFile(path));
  }
  await packFiles(files, { pack: 'dist/files.pack', manifest: 'dist/files.json' });
}

/** A few files whose names change with their contents, and the page that refers to them. */
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
    .replace('{script}', named('app-').slice(1))
    .replace('{build}', digestOf(files.join()));
  await writeFile(`${web}/index.html`, page);
  const fixed = ['icon.svg', 'icon-192.png', 'icon-512.png', 'manifest.webmanifest', 'robots.txt'];
  for (const file of fixed) await cp(`src/web/${file}`, `${web}/${file}`);
  await writeFile(`${web}/favicon.ico`, iconOf(await readFile('src/web/icon-192.png'), 192));
  await buildWorker(['/', '/icon.svg', '/manifest.webmanifest', ...files], page);
}

/** An icon file with one icon, which may be a PNG; browsers request it by its name. */
function iconOf(png: Buffer, size: number): Buffer {
  const head = Buffer.alloc(22);
  // One icon: width and height, planes, bits per pixel, and the offset of its bytes.
  head.set([0, 0, 1, 0, 1, 0, size, size, 0, 0, 1, 0, 32, 0]);
  head.writeUInt32LE(png.length, 14);
  head.writeUInt32LE(head.length, 18);
  return Buffer.concat([head, png]);
}

async function buildWorker(files: string[], page: string): Promise<void> {
  const version = digestOf(page + files.join());
  await build({
    entryPoints: ['src/web/sw.ts'],
    outfile: `${web}/sw.js`,
    bundle: true,
    minify: true,
    define: { shell: JSON.stringify({ version, files }) },
    logLevel: 'warning',
  });
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

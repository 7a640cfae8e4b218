/** Makes dist/: the program (snug.mjs, and what it loads) and the client that it serves (web/). */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const web = 'dist/web';

/** What the program needs only later, or never: Fastify asks for HTTP/2, a password for hashing. */
const later = [
  'node:child_process',
  'node:crypto',
  'node:dns',
  'node:fs/promises',
  'node:http2',
  'node:https',
  'node:readline/promises',
  'node:stream/consumers',
  'node:zlib',
];

/** The same, in a file of their own: they are a third of all, and what compiles the first schema. */
const compilers = ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler'];
const compilersFile = './compilers.cjs';

/** Loads some of what is imported when it is first used. */
const loadLater: Plugin = {
  name: 'load-later',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path, namespace }) => {
      if (namespace === 'later') return { path, external: true };
      if ([...later, ...compilers].includes(path)) return { path, namespace: 'later' };
      return undefined;
    });
    onLoad({ filter: /.*/, namespace: 'later' }, ({ path }) => {
      const found = compilers.includes(path)
        ? `require('${compilersFile}')['${path}']`
        : `require('${path}')`;
      // As a prototype, because that is what an import takes over of what it does not see; whoever
      // has imported it asks once for each name.
      const contents = `module.exports = Object.create(new Proxy({}, {
        get: (_, name, importer) => (importer[name] = ${found}[name]),
      }));`;
      return { contents };
    });
  },
};

/** What libraries load at each start for nothing, and what stands in its place. */
const needless: Readonly<Record<string, string>> = {
  // Whether plugins fit this Fastify: which are used together, package-lock.json says.
  semver: 'exports.satisfies = () => true;',
  // What a resolver of schemas writes when it is debugged.
  debug: 'module.exports = () => () => {};',
  // Whether a pattern in an address takes too long: there is none but the router's own.
  'safe-regex2': 'module.exports = () => true;',
  // A thread for the log, a description of the API in another format, requests without a network.
  'thread-stream': '',
  yaml: '',
  'light-my-request': '',
};

/** Leaves such out. */
const leaveOut: Plugin = {
  name: 'leave-out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^.]/ }, ({ path }) =>
      Object.hasOwn(needless, path) ? { path, namespace: 'needless' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'needless' }, ({ path }) => ({
      contents: needless[path] ?? '',
    }));
  },
};

/** A module that finds out the same at each start, as plain data, is put in as what it has found out. */
const foregone: Plugin = {
  name: 'foregone',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/db\/own-migrations\.ts$/ }, async ({ path }) => {
      const found = Object.entries(await import(pathToFileURL(path).href));
      const lines = found.map(
        ([name, value]) => `export const ${name} = ${JSON.stringify(value)};`,
      );
      return { contents: lines.join('\n') };
    });
  },
};

/** Takes the database's driver in, but for its native addon, which it looks for where it lies. */
const takeInDriver: Plugin = {
  name: 'take-in-driver',
  setup({ onLoad }) {
    onLoad({ filter: /better-sqlite3\/lib\/binding\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const folder = "new URL('.', meta.resolve('better-sqlite3'))";
      return {
        contents: `const __dirname = require('node:url').fileURLToPath(${folder});\n${source}`,
      };
    });
  },
};

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

await rm('dist', { recursive: true, force: true });
await Promise.all([buildServer(), buildCompilers(), buildWriter(), buildClient()]);

/** What is run, the program that it loads, and what was compiled of that here: see decision 14. */
async function buildServer(): Promise<void> {
  await build({
    ...common,
    entryPoints: ['src/main.ts'],
    outfile: 'dist/program.js',
    // Of a script, unlike a module, the compiled code can be kept.
    format: 'cjs',
    // For a script, Node does not have it yet without a warning.
    supported: { 'dynamic-import': false },
    external: [wordList],
    plugins: [leaveOut, loadLater, foregone, takeInDriver],
    define: { 'import.meta': 'meta' },
    banner: { js: '(function (require, meta) {' },
    footer: { js: '})' },
  });
  await cp('src/snug.mjs', 'dist/snug.mjs');
  await compileServer();
}

async function buildCompilers(): Promise<void> {
  const getters = compilers.map((path) => `get '${path}'() { return require('${path}'); },`);
  await build({
    ...common,
    stdin: { contents: `module.exports = {${getters.join('\n')}};`, resolveDir: '.' },
    outfile: `dist/${compilersFile}`,
    format: 'cjs',
  });
}

/** The program of the thread that writes; it starts beside the first requests. */
async function buildWriter(): Promise<void> {
  await build({ ...asModule, entryPoints: ['src/writer.ts'], outfile: 'dist/writer.mjs' });
}

/** Keeps the compiled code of all that a start of the server runs. */
async function compileServer(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'snug-build-'));
  const env = { DATABASE_URL: join(folder, 'snug.sqlite'), HOST: '127.0.0.1', PORT: '0' };
  const script = fileURLToPath(new URL('compile.ts', import.meta.url));
  const server = spawn(process.execPath, [script, 'serve'], {
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

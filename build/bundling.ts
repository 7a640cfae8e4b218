/** What is done to the program while it is bundled, so that a start has less to do: see build/build.ts. */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

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

/** The same, in a script of their own: they are a third of all, and what compiles the first schema. */
export const compilers = ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler'];

/** Loads some of what is imported when it is first used. */
export const lazyModules: Plugin = {
  name: 'lazy-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path, namespace }) => {
      if (path === 'compilers') return { path, namespace: 'script' };
      if (namespace === 'lazy') return { path, external: true };
      if ([...later, ...compilers].includes(path)) return { path, namespace: 'lazy' };
      return undefined;
    });
    onLoad({ filter: /.*/, namespace: 'script' }, ({ path }) => ({
      contents: `module.exports = load('${path}');`,
    }));
    onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => {
      const found = compilers.includes(path)
        ? `require('compilers')['${path}']`
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
export const stubs: Plugin = {
  name: 'stubs',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^.]/ }, ({ path }) =>
      Object.hasOwn(needless, path) ? { path, namespace: 'stub' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'stub' }, ({ path }) => ({
      contents: needless[path] ?? '',
    }));
  },
};

/** A module that finds out the same at each start, as plain data, is put in as what it has found out. */
export const inlineConstants: Plugin = {
  name: 'inline-constants',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/db\/file\/bundled-migrations\.ts$/ }, async ({ path }) => {
      const found = Object.entries(await import(pathToFileURL(path).href));
      const lines = found.map(
        ([name, value]) => `export const ${name} = ${JSON.stringify(value)};`,
      );
      return { contents: lines.join('\n') };
    });
  },
};

/** Takes the database's driver in, but for its native addon, which it looks for where it lies. */
export const bundleDriver: Plugin = {
  name: 'bundle-driver',
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

/** esbuild plugins that make the program start faster: see build/build.ts. */
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

/**
 * Modules that the program needs late or never: Fastify requests HTTP/2, a password needs hashing.
 */
const lateModules = [
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

/**
 * Also loaded late, and in a separate script: they are a third of the code, and are needed only for
 * the first schema.
 */
export const compilers = ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler'];

/** Loads some imported modules only when they are first used. */
export const lazyModules: Plugin = {
  name: 'lazy-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path, namespace }) => {
      if (path === 'compilers') return { path, namespace: 'script' };
      if (namespace === 'lazy') return { path, external: true };
      if ([...lateModules, ...compilers].includes(path)) return { path, namespace: 'lazy' };
      return undefined;
    });
    onLoad({ filter: /.*/, namespace: 'script' }, ({ path }) => ({
      contents: `module.exports = load('${path}');`,
    }));
    onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => {
      const found = compilers.includes(path)
        ? `require('compilers')['${path}']`
        : `require('${path}')`;
      // A prototype, because an import falls back to it for names that it does not find; each
      // importer asks once for each name.
      const contents = `module.exports = Object.create(new Proxy({}, {
        get: (_, name, importer) => (importer[name] = ${found}[name]),
      }));`;
      return { contents };
    });
  },
};

/** Modules that libraries load at each start without need, and their replacements. */
const replacements: Readonly<Record<string, string>> = {
  // Checks whether plugins fit this Fastify; package-lock.json already ensures that.
  semver: 'exports.satisfies = () => true;',
  // The debug output of a resolver of schemas.
  debug: 'module.exports = () => () => {};',
  // Checks whether a pattern in a route is too slow; the only one is the router's own.
  'safe-regex2': 'module.exports = () => true;',
  // Logging in a thread, the API's description as YAML, requests without a network: not used.
  'thread-stream': '',
  yaml: '',
  'light-my-request': '',
};

/** Replaces these modules by stubs. */
export const stubs: Plugin = {
  name: 'stubs',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^.]/ }, ({ path }) =>
      Object.hasOwn(replacements, path) ? { path, namespace: 'stub' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'stub' }, ({ path }) => ({
      contents: replacements[path] ?? '',
    }));
  },
};

/** Replaces a module that computes the same plain data at each start by that data. */
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

/**
 * Bundles the database driver, except its native addon, which the driver looks for in its own
 * folder.
 */
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

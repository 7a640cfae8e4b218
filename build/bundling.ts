/** What is done to the server's code to shorten a start: see build/README.md. */
import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';
import { bundledMigrations } from '../src/db/file/bundled-migrations.ts';

/** Modules that are loaded when they are first used. */
const late = [
  'node:crypto',
  // Fastify imports both, and the server uses neither.
  'node:http2',
  'node:https',
];

/** Also late, and in a script of their own: they are a third of the code. */
export const compilers = ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler'];

/**
 * A prototype, because an import falls back to it for names that it does not find; each importer
 * asks once for each name.
 */
const lateModule = (found: string) => `module.exports = Object.create(new Proxy({}, {
  get: (_, name, importer) => (importer[name] = ${found}[name]),
}));`;

const replacements: Readonly<Record<string, string>> = {
  ...Object.fromEntries(late.map((path) => [path, lateModule(`require('${path}')`)])),
  ...Object.fromEntries(
    compilers.map((path) => [path, lateModule(`require('compilers')['${path}']`)]),
  ),
  compilers: `module.exports = load('compilers');`,
  // Checks whether plugins fit this Fastify; package-lock.json already ensures that.
  semver: 'exports.satisfies = () => true;',
  // The debug output of a resolver of schemas.
  debug: 'module.exports = () => () => {};',
  // Checks whether a pattern in a route is too slow; the only one is the router's own.
  'safe-regex2': 'module.exports = () => true;',
  // The API's description as YAML.
  yaml: '',
};

export const startPlugin: Plugin = {
  name: 'start',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^.]/ }, ({ path, namespace }) => {
      if (namespace === 'replacement' && isBuiltin(path)) return { path, external: true };
      return Object.hasOwn(replacements, path) ? { path, namespace: 'replacement' } : undefined;
    });
    onLoad({ filter: /./, namespace: 'replacement' }, ({ path }) => ({
      contents: replacements[path] ?? '',
    }));
    // The hashes of the migrations, which never change.
    onLoad({ filter: /\/src\/db\/file\/bundled-migrations\.ts$/ }, () => ({
      contents: `export const bundledMigrations = ${JSON.stringify(bundledMigrations)};`,
    }));
  },
};

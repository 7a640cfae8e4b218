/**
 * Makes each test file, and each thread that one starts, load its modules 1 or 2 seconds sooner;
 * `.taprc` has Node import this first.
 */
import { enableCompileCache, registerHooks } from 'node:module';

// Reuses what the previous file compiled and stripped of its types.
enableCompileCache();

/** Node would look up the kind of each of 107 modules in the package, parsing 180 KB each time. */
const drizzle = '/node_modules/drizzle-orm/';

registerHooks({
  resolve(specifier, context, next) {
    const { parentURL } = context;
    const isWithin = specifier.startsWith('.') && parentURL?.includes(drizzle);
    if (!isWithin) return next(specifier, context);
    return { url: new URL(specifier, parentURL).href, format: 'module', shortCircuit: true };
  },
});

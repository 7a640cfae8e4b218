/** The libraries in C that are preloaded into what is measured, or into what measures. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Compiles one of them.
 *
 * @throws if there is no C compiler, with the code ENOENT.
 */
export function compileLibrary(name: 'never-sleep' | 'slow-fsync', library: string): string {
  const source = fileURLToPath(new URL(`${name}.c`, import.meta.url));
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, source]);
  return library;
}

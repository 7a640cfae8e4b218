/** The libraries in C that are preloaded into what is measured, or into what measures. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Lab } from './lab.ts';

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

/** The environment of a server of which each fsync takes so much longer, in ms. */
export function slowFsync(lab: Pick<Lab, 'newFile'>, delay: number): Record<string, string> {
  const library = compileLibrary('slow-fsync', lab.newFile('slow-fsync.so'));
  return { LD_PRELOAD: library, SLOW_FSYNC: String(delay) };
}

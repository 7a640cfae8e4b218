/** The C libraries that are preloaded into the servers or the load generator. */
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

/** The environment of a server whose fsyncs take longer by `delay` ms. */
export function slowFsync(lab: Pick<Lab, 'newFile'>, delay: number): Record<string, string> {
  const library = compileLibrary('slow-fsync', lab.newFile('slow-fsync.so'));
  return { LD_PRELOAD: library, SLOW_FSYNC: String(delay) };
}

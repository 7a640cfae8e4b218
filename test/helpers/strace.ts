/** Watches a program's system calls from outside, and makes them fail. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { tempFolder } from './world.ts';

export interface Injection {
  /** The calls that were tampered with since the start. */
  calls(): string[];
  /** Lets all calls succeed again. */
  end(): Promise<void>;
}

/**
 * Makes system calls of a running process fail, or take longer, from now on.
 *
 * @param calls their names, separated by commas.
 * @param how `error=EIO` makes them fail, `delay_exit=1000` makes them take a ms longer.
 * @param file the only file whose calls are tampered with; all files if omitted.
 */
export async function inject(
  t: Test,
  pid: number | undefined,
  calls: string,
  how: string,
  file?: string,
): Promise<Injection> {
  const trace = join(await tempFolder(t), 'trace');
  const what = ['-e', `trace=${calls}`, '-e', `inject=${calls}:${how}`];
  const where = file === undefined ? [] : ['-P', file];
  const strace = spawn('strace', ['-f', '-y', '-o', trace, ...what, ...where, '-p', String(pid)]);
  const ended = once(strace, 'close');
  // strace first prints that it has attached, or why it could not.
  const said = String((await Promise.race([once(strace.stderr, 'data'), ended]))[0]);
  if (!said.includes('attached')) throw new Error(`strace could not attach: ${said}`);
  const end = async () => {
    strace.kill('SIGINT');
    await ended;
  };
  t.teardown(end);
  const failed = () => readFileSync(trace, 'utf8').match(/^.*\(INJECTED\)$/gm) ?? [];
  return { calls: failed, end };
}

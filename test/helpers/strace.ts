/** Looking at a program's system calls from outside, and making them fail. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { tempFolder } from './world.ts';

function succeeds(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Why nothing can be traced here, or false if it can. */
export const cannotTrace =
  !succeeds('strace', '-o', '/dev/null', 'true') && 'strace is not here, or may not trace';

/** Why a process that runs already cannot be traced here, or false if it can. */
export const cannotAttach =
  cannotTrace ||
  // As it is below: strace has not started the other.
  (!succeeds('sh', '-c', 'sleep 0.1 & strace -o /dev/null -p $!') &&
    'strace may not trace what runs already');

export interface Injection {
  /** The calls since it began that were tampered with. */
  calls(): string[];
  /** Lets all calls succeed again. */
  end(): Promise<void>;
}

/**
 * Makes system calls of a running process fail, or take longer, from now on.
 *
 * @param calls their names, by commas.
 * @param how `error=EIO` makes them fail, `delay_exit=1000` makes them take a ms longer.
 * @param file the only one whose calls are tampered with; all if it is not given.
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
  await once(strace.stderr, 'data');
  const end = async () => {
    strace.kill('SIGINT');
    await ended;
  };
  t.teardown(end);
  const failed = () => readFileSync(trace, 'utf8').match(/^.*\(INJECTED\)$/gm) ?? [];
  return { calls: failed, end };
}

/** Linux's figures for a process; see proc(5). */
import { readdirSync, readFileSync } from 'node:fs';
import { sum } from './statistics.ts';

/** USER_HZ, which is 100 on every architecture that Node runs on. */
const ticksPerSecond = 100;

/** CPU time used by all threads of a process, in user and in system mode, in seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field is the program's name in parentheses, and can contain spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/**
 * The same to the nanosecond, for the threads that are running now: for windows so short that the
 * clock above would not tick in them.
 */
export function threadSeconds(pid: number): number {
  const folder = `/proc/${pid}/task`;
  const used = (thread: string) => readFileSync(`${folder}/${thread}/schedstat`, 'latin1');
  return sum(readdirSync(folder).map((thread) => Number.parseInt(used(thread), 10))) / 1e9;
}

/** Resident memory of a process, now, at its peak, and without the files it maps, in bytes. */
export function memory(pid: number): { now: number; peak: number; anonymous: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM'), anonymous: bytes('RssAnon') };
}

/** The model name of the processor. */
export function cpuModel(): string {
  return /^model name\s*:\s*(.+)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ?? 'unknown';
}

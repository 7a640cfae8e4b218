/** File descriptors: how many the process has, and what it needs them for. */
import { readFileSync } from 'node:fs';
import { OperatorError } from '../errors.ts';

/** Descriptors that are not for connections: the database, the writer's thread, Node's own. */
export const reserved = 48;

/** With fewer than this there is no room for more than a handful of people. */
const least = 128;

/**
 * Refuses to start with too few descriptors: the server would turn nearly everybody away.
 *
 * @param limit how many descriptors the process may have.
 * @throws OperatorError that names the limit and says how to raise it.
 */
export function checkDescriptors(limit = readDescriptorLimit()): void {
  if (limit >= least) return;
  throw new OperatorError(
    `The system lets this process have only ${limit} files and connections open; Snug needs at least ${least}. Raise the limit: "ulimit -n 1024", or "LimitNOFILE=1024" in the unit.`,
  );
}

/** How many files and connections the process may have open; Node has raised it to the hard limit. */
export function readDescriptorLimit(): number {
  const limit = Number(linuxLimit() ?? reportedLimit());
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit;
}

/** Linux says so in a file: proc_pid_limits(5). */
function linuxLimit(): string | undefined {
  try {
    return /^Max open files +(\w+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}

/** Node knows it on every system, but looks into all that it has loaded, each time. */
function reportedLimit(): number | 'unlimited' | undefined {
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { soft: number | 'unlimited' } };
  };
  return userLimits?.open_files?.soft;
}

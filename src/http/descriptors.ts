/** File descriptors: how many the process has, and what needs them. */
import { OperatorError } from '../errors.ts';

/** Descriptors not available to connections: for the database, the writer thread and Node. */
export const reserved = 48;

/** The minimum: with fewer there is room for only a handful of people. */
const minimum = 128;

/**
 * Refuses to start with too few descriptors: the server would turn nearly everybody away.
 *
 * @param limit how many descriptors the process may have.
 * @throws OperatorError with the limit and how to raise it.
 */
export function checkDescriptors(limit = readDescriptorLimit()): void {
  if (limit >= minimum) return;
  throw new OperatorError(
    `The system allows this process only ${limit} open files and connections; Snug needs at least ${minimum}. Raise the limit: "ulimit -n 1024", or "LimitNOFILE=1024" in the unit.`,
  );
}

/** How many files and connections may be open; Node has raised the soft limit to the hard one. */
export function readDescriptorLimit(): number {
  const { userLimits } = process.report.getReport() as {
    userLimits?: { open_files?: { soft: number | 'unlimited' } };
  };
  const limit = Number(userLimits?.open_files?.soft);
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit;
}

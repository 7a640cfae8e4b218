/**
 * The least CPU time that this process took for `act` in some runs, in ms. The time that other
 * programs take on a busy machine does not count.
 */
export async function leastCpuTime(runs: number, act: () => Promise<void>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const before = process.cpuUsage();
    await act();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

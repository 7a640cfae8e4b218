/** A limit of the CPU time of processes, by Linux's control groups. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * In µs. Short, so that a process is slow all the time; with the usual 100 ms it would run at full
 * speed for a while and then stand still. Linux grants at least 1,000 of them in each period.
 */
const period = 4_000;

/** Where version 2 is mounted, and where the CPU controller of version 1 is. */
const [second, first] = ['/sys/fs/cgroup', '/sys/fs/cgroup/cpu'];

export class CpuQuota {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Makes a group whose processes together have a share of one core.
   *
   * @throws if the machine does not allow it.
   */
  static create(share: number): CpuQuota {
    const quota = Math.round(period * share);
    if (existsSync(join(second, 'cgroup.controllers'))) {
      writeFileSync(join(second, 'cgroup.subtree_control'), '+cpu');
      return CpuQuota.#make(second, { 'cpu.max': `${quota} ${period}` });
    }
    return CpuQuota.#make(first, { 'cpu.cfs_period_us': period, 'cpu.cfs_quota_us': quota });
  }

  static #make(root: string, limits: Readonly<Record<string, string | number>>): CpuQuota {
    const folder = join(root, `snug-bench-${process.pid}`);
    mkdirSync(folder);
    for (const [name, value] of Object.entries(limits))
      writeFileSync(join(folder, name), `${value}`);
    return new CpuQuota(folder);
  }

  /** Moves a process into the group, with all of its threads. */
  add(pid: number): void {
    writeFileSync(join(this.#folder, 'cgroup.procs'), `${pid}`);
  }

  /** Its processes must have ended. */
  remove(): void {
    rmdirSync(this.#folder);
  }
}

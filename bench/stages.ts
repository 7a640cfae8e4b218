/** Compares servers on databases of different sizes, under the same load. */
import { type Contestant, compare, type Manner } from './compare.ts';
import type { Lab } from './lab.ts';
import type { BenchRequest, Workload } from './requests.ts';
import type { Server } from './server.ts';
import { nameSize } from './settings.ts';
import type { Comparison } from './trial.ts';
import type { Place } from './world.ts';

/** A server, and its requests for each workload. */
interface Stage {
  /** How many messages it started with. */
  readonly size: string;
  readonly server: Server;
  readonly pools: ReadonlyMap<Workload, readonly BenchRequest[]>;
}

/**
 * Starts a server for each of the sizes, smallest first.
 *
 * @param chats the chats to read; all of them by default.
 */
export async function setStages(
  lab: Lab,
  workloads: readonly Workload[],
  chats?: ReadonlySet<number>,
): Promise<Stage[]> {
  const stages: Stage[] = [];
  for (const messages of lab.settings.sizes) {
    const file = await lab.copy(messages);
    const isUsed = ({ chatId }: Place) => chats?.has(chatId) ?? true;
    const pools = new Map(
      workloads.map((workload) => [workload, lab.pool(workload, file, isUsed)]),
    );
    stages.push({ size: nameSize(messages), pools, server: await lab.snug(file) });
  }
  return stages;
}

/** Compares them in one workload; the floor repeats the answers of the smallest one. */
export async function compareStages(
  lab: Lab,
  workload: Workload,
  stages: readonly Stage[],
  manner?: Manner,
): Promise<Comparison> {
  const contestants: Record<string, Contestant> = {};
  let pool: readonly BenchRequest[] = [];
  for (const { size, server, pools } of stages) {
    pool = pools.get(workload) ?? [];
    contestants.floor ??= { server: await lab.floor(server, pool), pool };
    contestants[size] = { server, pool };
  }
  const title = `${workload.title}, messages in the database`;
  return compare(lab, { title }, pool, contestants, manner);
}

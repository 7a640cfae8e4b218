/** What a durable message costs while 1, 8 or 64 are posted at once. */
import { existsSync, statSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { type Contestant, compare, roundsLast } from '../compare.ts';
import type { Lab } from '../lab.ts';
import type { Comparison, Trial } from '../trial.ts';
import { post } from '../workloads/post.ts';

/** Posts in progress at once. */
const counts = [1, 8, 64];

/** In ms: messages that wait for the search index are written to it when it is quiet. */
const untilIndexed = 3_000;

/** In ms: soon after its start, a server truncates its log. */
const untilMaintained = 2_000;

export const batches: Trial = {
  name: 'batches',
  lasts: (settings) =>
    counts.length * (roundsLast(settings, 3) + (untilIndexed + untilMaintained) / 1000),
  run: async (lab) => {
    const comparisons: Record<string, Comparison> = {};
    const values: Record<string, number[]> = {};
    for (const count of counts) {
      const { comparison, bytes } = await measure(lab, count);
      comparisons[`batches-${count}`] = comparison;
      values[`${count} at once: KB to the log for a message`] = [bytes / 1000];
      await lab.clear();
    }
    return { comparisons, values };
  },
};

/**
 * The CPU time is that of Snug itself; the bytes are those of a Snug whose log is never moved into
 * the file, under the same load.
 */
async function measure(lab: Lab, connections: number) {
  const file = await lab.copy();
  const kept = await lab.copy();
  const pool = lab.pool(post, file);
  const snug = await lab.snug(file);
  const contestants: Record<string, Contestant> = {
    floor: { server: await lab.floor(snug, pool) },
    snug: { server: snug },
    'log never moved': { server: await lab.snug(kept, { variant: 'keptLog' }) },
  };
  await wait(untilMaintained);
  const before = writtenTo(lab, kept);
  const title = `${post.title}, ${connections} at once`;
  const comparison = await compare(lab, { title }, pool, contestants, { connections });
  await wait(untilIndexed);
  const after = writtenTo(lab, kept);
  return { comparison, bytes: (after.bytes - before.bytes) / (after.messages - before.messages) };
}

/** How much was written to the log so far, and how many messages were posted. */
function writtenTo(lab: Lab, file: string): { bytes: number; messages: number } {
  const log = `${file}-wal`;
  const messages = lab.read(file, (sqlite) =>
    sqlite.prepare<[], number>('select sum(posted) from chats').pluck().get(),
  );
  return { bytes: existsSync(log) ? statSync(log).size : 0, messages: messages ?? 0 };
}

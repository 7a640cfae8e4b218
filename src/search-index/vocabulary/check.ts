/** Checks whether the vocabularies are complete. */
import type { Snapshot } from '../../db/query/query.ts';
import { beyondIds } from '../../http/schema.ts';
import { isOutdated } from '../state.ts';
import { countMissing, listLearned, listTextsBetween } from './queries.ts';
import { entriesOf } from './vocabulary.ts';

/**
 * At most this many messages are checked (a few seconds), unless there are more blocks than that.
 */
const sampleSize = 100_000;

/** The part of a block that its vocabulary covers. */
interface Learned {
  readonly chatId: number;
  readonly firstId: number;
  readonly knownTo: number;
  readonly nextId: number | null;
}

/**
 * Counts the blocks whose vocabulary lacks words of their messages, which a search would not find.
 * It checks every block, but only a random part of a large one. While the whole index is outdated
 * it checks none, because words may be folded differently.
 */
export async function countUnlearned(snapshot: Snapshot): Promise<number> {
  if (await isOutdated(snapshot)) return 0;
  const blocks = await listLearned(snapshot, {});
  const share = Math.max(1, Math.floor(sampleSize / blocks.length));
  let count = 0;
  for (const block of blocks) if (await isIncomplete(snapshot, block, share)) count += 1;
  return count;
}

async function isIncomplete(snapshot: Snapshot, block: Learned, limit: number): Promise<boolean> {
  const words = entriesOf((await sampleOf(snapshot, block, limit)).join('\n'));
  const { count } = await countMissing(snapshot, {
    block: block.firstId,
    words: JSON.stringify(words),
  });
  return count > 0;
}

/** The texts of consecutive messages from a random one on; the first follows the last. */
async function sampleOf(
  snapshot: Snapshot,
  { chatId, firstId, knownTo, nextId }: Learned,
  limit: number,
): Promise<string[]> {
  const end = Math.min(nextId ?? beyondIds, knownTo + 1);
  const start = firstId + Math.floor(Math.random() * (end - firstId));
  const newer = await listTextsBetween(snapshot, { chatId, first: start, before: end, limit });
  const left = limit - newer.length;
  const range = { chatId, first: firstId, before: start, limit: left };
  const older = left > 0 ? await listTextsBetween(snapshot, range) : [];
  return [...newer, ...older].map(({ content }) => content);
}

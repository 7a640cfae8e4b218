/** Whether the vocabularies have what they must have. */
import type { Snapshot } from '../../db/query/query.ts';
import { beyondIds } from '../../http/schema.ts';
import { isOutdated } from '../state.ts';
import { countMissing, listLearned, listTextsBetween } from './queries.ts';
import { entriesOf } from './vocabulary.ts';

/** How many messages are looked at, at most, if there are not more blocks than that: some seconds' worth. */
const sampleSize = 100_000;

/** A part of a block that its vocabulary knows. */
interface Learned {
  readonly chatId: number;
  readonly firstId: number;
  readonly knownTo: number;
  readonly nextId: number | null;
}

/**
 * How many blocks have messages with words that their vocabulary should have and does not have: a search
 * does not find them. Each block is looked at, a large one only in a random part; none while all of the
 * index is outdated, because its words may be folded in another way.
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

/** The texts of successive messages from a random one on; after the last comes the first. */
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

import type { Query } from '../db/query/query.ts';
import { inSteps } from '../db/steps.ts';
import { removeWords } from '../search-index/removal.ts';
import { deleteSomeWordsIn } from '../search-index/vocabulary/queries.ts';
import type { Clear } from './pending.ts';
import {
  deleteChatRow,
  deleteSomeMemberships,
  deleteSomeMessages,
  deleteSomeReactionsIn,
  deleteSomeReactionsTo,
  deleteSomeRemovalsFrom,
} from './queries.ts';
import { clearUnread } from './unread.ts';

/** Messages per step. Most of the work is removing their words from the search index. */
const messageStep = 20;

/** Rows per step, where nothing else depends on them. */
const rowStep = 100;

/** Deletes the rows of a deleted chat: its texts first. */
export const clearChat: Clear = async (unit, { id: chatId }) => {
  const step = (run: Query<{ chatId: number; limit: number }, unknown[]>) => (limit: number) =>
    count(run(unit, { chatId, limit }));
  const isCleared =
    (await removeWords(unit, messageStep, step(deleteSomeMessages))) &&
    (await inSteps(unit, rowStep, step(deleteSomeWordsIn))) &&
    (await inSteps(unit, rowStep, step(deleteSomeReactionsIn))) &&
    (await inSteps(unit, rowStep, step(deleteSomeRemovalsFrom))) &&
    (await inSteps(unit, rowStep, step(deleteSomeMemberships)));
  if (isCleared) await deleteChatRow(unit, { id: chatId });
  return isCleared;
};

/** Takes a deleted message out of the unread counts of members, and deletes the reactions to it. */
export const clearMessage: Clear = async (unit, pending) => {
  const { id: messageId, chatId } = pending;
  return (
    (await clearUnread(unit, pending)) &&
    (await inSteps(unit, rowStep, (limit) =>
      count(deleteSomeReactionsTo(unit, { chatId, messageId, limit })),
    ))
  );
};

async function count(rows: Promise<readonly unknown[]>): Promise<number> {
  return (await rows).length;
}

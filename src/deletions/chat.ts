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
import { forgetUnread } from './unread.ts';

/** A message takes its words out of the search index, which is most of the work. */
const messageStep = 20;

/** Of what are rows and no more. */
const rowStep = 100;

/** Clears away a deleted chat: its texts first. */
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

/** Takes a deleted message out of what members have not read, and clears away the reactions to it. */
export const clearMessage: Clear = async (unit, pending) => {
  const { id: messageId, chatId } = pending;
  return (
    (await forgetUnread(unit, pending)) &&
    (await inSteps(unit, rowStep, (limit) =>
      count(deleteSomeReactionsTo(unit, { chatId, messageId, limit })),
    ))
  );
};

/** How many rows a query returns. */
async function count(rows: Promise<readonly unknown[]>): Promise<number> {
  return (await rows).length;
}

/** The newest page of a chat, cached because it is read far more often than it changes. */
import { type CachedQuery, dependsOn } from '../db/cache/cached-query.ts';
import { endsOf, extendPage, type Page, readPage, sizeOf } from './page.ts';

/** The default number of messages on a page. */
export const pageSize = 50;

const changes = ['message.edited', 'message.deleted', 'reaction'] as const;

/**
 * The newest messages of a chat. The caller must check the reader's right to them. New messages are
 * appended and the oldest are cut off, without reading the page again.
 */
export const newestPage: CachedQuery<{ chatId: number }, Page> = {
  key: ({ chatId }) => chatId,
  read: async (snapshot, { chatId }) => ({
    ...sized(await readPage(snapshot, { chatId, limit: pageSize })),
    invalidatedBy: dependsOn(changes, { chatId }),
    updatedBy: dependsOn(['message'], { chatId }),
  }),
  applyEvents: (page, events) => {
    const isWhole = events.every(({ payload }) => payload !== undefined);
    if (!isWhole) return undefined;
    // The page may have been read after a commit but before its event arrived.
    const last = endsOf(page).last ?? 0;
    const added = events.flatMap(({ id, payload }) =>
      payload && id > last ? payload.message : [],
    );
    return sized(added.length === 0 ? page : extendPage(page, added, pageSize));
  },
};

function sized(value: Page) {
  return { value, bytes: sizeOf(value) };
}

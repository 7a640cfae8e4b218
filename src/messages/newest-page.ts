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
  applyEvent: (page, { id, payload }) => {
    if (payload === undefined) return undefined;
    // The page may have been read after the commit but before its event arrived.
    const isThere = id <= (endsOf(page).last ?? 0);
    return sized(isThere ? page : extendPage(page, payload.message, pageSize));
  },
};

function sized(value: Page) {
  return { value, bytes: sizeOf(value) };
}

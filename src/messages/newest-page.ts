/** The newest page of a chat, cached because it is read far more often than it changes. */
import { type CachedQuery, dependsOn, joinBytes } from '../db/cache/cached-query.ts';
import { appendMessages, countMessages, dropFirst, firstId, keepLast } from './body.ts';
import { type MessageRow, type Page, readPage } from './messages.ts';
import { messageToWire } from './wire.ts';

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
    // The page may have been read after a commit but before its event arrived.
    const added = events.flatMap(({ id, payload }) =>
      payload && id > (page.last ?? 0) ? payload.message : [],
    );
    const isWhole = events.every(({ payload }) => payload !== undefined);
    return isWhole ? sized(extend(page, added.slice(-pageSize))) : undefined;
  },
};

function sized(value: Page) {
  return { value, bytes: value.body.length };
}

/** Appends messages to a page, and cuts off the oldest beyond its size. */
function extend(page: Page, messages: readonly MessageRow[]): Page {
  const newest = messages.at(-1);
  if (newest === undefined) return page;
  const surplus = Math.max(0, page.count + messages.length - pageSize);
  const rest = surplus === 0 ? page.body : dropFirst(page.body, surplus);
  const whole = appendMessages(
    rest,
    messages.map((message) => messageToWire(message)),
  );
  const body = keepLast(whole);
  const isCut = body !== whole;
  const count = isCut ? countMessages(body) : page.count + messages.length - surplus;
  const hasOlder = page.hasOlder || surplus > 0 || isCut;
  return { ...page, body, count, first: firstId(body), last: newest.id, hasOlder, hasNewer: false };
}

/** Adds fields to the body of a page, after its messages. */
export function addToPage(body: Buffer, fields: object): Buffer {
  const text = JSON.stringify(fields).slice(1, -1);
  return text === '' ? body : joinBytes(body.subarray(0, -1), `,${text}}`);
}

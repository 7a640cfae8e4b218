/** The newest page of a chat, which is read much more often than it changes. */
import { type CachedQuery, dependsOn, joinBytes } from '../db/cache/cached-query.ts';
import { appendMessages, countMessages, dropFirst, firstId, keepLast } from './body.ts';
import { type MessageRow, type Page, readPage } from './messages.ts';
import { messageToWire } from './wire.ts';

/** How many messages a page has unless the request says otherwise. */
export const pageSize = 50;

const changes = ['message.edited', 'message.deleted', 'reaction'] as const;

/**
 * The newest messages of a chat; whether the caller may read them is not asked here. It grows at
 * its end and is cut at its front, without being read or written anew.
 */
export const newestPage: CachedQuery<{ chatId: number }, Page> = {
  key: ({ chatId }) => chatId,
  read: async (snapshot, { chatId }) => ({
    ...sized(await readPage(snapshot, { chatId, limit: pageSize })),
    invalidatedBy: dependsOn(changes, { chatId }),
    updatedBy: dependsOn(['message'], { chatId }),
  }),
  applyEvents: (page, events) => {
    // What was read may have been told only afterwards.
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

/** Adds messages at the end of a page; what is too much goes from its front. */
function extend(page: Page, messages: readonly MessageRow[]): Page {
  const newest = messages.at(-1);
  if (newest === undefined) return page;
  const surplus = Math.max(0, page.count + messages.length - pageSize);
  const stay = surplus === 0 ? page.body : dropFirst(page.body, surplus);
  const whole = appendMessages(
    stay,
    messages.map((message) => messageToWire(message)),
  );
  const body = keepLast(whole);
  const isCut = body !== whole;
  const count = isCut ? countMessages(body) : page.count + messages.length - surplus;
  const hasOlder = page.hasOlder || surplus > 0 || isCut;
  return { ...page, body, count, first: firstId(body), last: newest.id, hasOlder, hasNewer: false };
}

/** The body of a page with fields that follow its messages. */
export function addToPage(body: Buffer, fields: object): Buffer {
  const text = JSON.stringify(fields).slice(1, -1);
  return text === '' ? body : joinBytes(body.subarray(0, -1), `,${text}}`);
}

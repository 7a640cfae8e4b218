/** The newest page of a chat, which is read much more often than it changes. */
import { about, joinBytes, type Kind } from '../db/memory.ts';
import { type MessageRow, type Page, readPage } from './messages.ts';
import { messageToWire } from './wire.ts';

/** How many messages a page has unless the request says otherwise. */
export const pageSize = 50;

const changes = ['message.edited', 'message.deleted', 'reaction'] as const;

/**
 * The newest messages of a chat; whether the caller may read them is not asked here. It grows at
 * its end and is cut at its front, without being read or written anew.
 */
export const newestPage: Kind<{ chatId: number }, Page> = {
  key: ({ chatId }) => chatId,
  read: async (snapshot, { chatId }) => ({
    ...sized(await readPage(snapshot, { chatId, limit: pageSize })),
    until: about(changes, { chatId }),
    grownBy: about(['message'], { chatId }),
  }),
  grow: (page, events) => {
    // What was read may have been told only afterwards.
    const added = events.flatMap(({ id, news }) =>
      news && id > (page.last ?? 0) ? news.message : [],
    );
    const isWhole = events.every(({ news }) => news !== undefined);
    return isWhole ? sized(extend(page, added.slice(-pageSize))) : undefined;
  },
};

function sized(value: Page) {
  return { value, bytes: value.body.length };
}

/** How a message begins: no text within one looks like this, for its quotes are escaped there. */
const beginning = '{"content":';
const next = `,${beginning}`;
const start = '{"messages":[';
const end = ']}';

/** Adds messages at the end of a page, at most a page of them; what is too much goes from its front. */
function extend(page: Page, messages: readonly MessageRow[]): Page {
  const newest = messages.at(-1);
  if (newest === undefined) return page;
  const surplus = Math.max(0, page.count + messages.length - pageSize);
  const stay = skip(page, surplus);
  const added = messages.map((message) => JSON.stringify(messageToWire(message))).join();
  const body = joinBytes(start, stay, stay.length === 0 ? '' : ',', added, end);
  const hasOlder = page.hasOlder || surplus > 0;
  const count = page.count + messages.length - surplus;
  return { ...page, body, count, first: firstId(body), last: newest.id, hasOlder, hasNewer: false };
}

/** The body of a page with fields that follow its messages. */
export function addToPage(body: Buffer, fields: object): Buffer {
  const text = JSON.stringify(fields).slice(1, -1);
  return text === '' ? body : joinBytes(body.subarray(0, -1), `,${text}}`);
}

/** What is between the brackets of a page's body without so many messages at its front. */
function skip({ body, count }: Page, surplus: number): Buffer {
  if (surplus === count) return body.subarray(0, 0);
  let at = start.length;
  for (let i = 0; i < surplus; i++) at = body.indexOf(next, at) + 1;
  return body.subarray(at, -end.length);
}

function firstId(body: Buffer): number {
  const second = body.indexOf(next);
  const first = body.toString(
    'utf8',
    start.length,
    second === -1 ? body.length - end.length : second,
  );
  return JSON.parse(first).id;
}

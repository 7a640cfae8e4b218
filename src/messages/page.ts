/** A page of messages as it goes out; a chat's newest is read much more often than it changes. */
import { about, type Kind } from '../db/kept.ts';
import { type Page, readPage } from './messages.ts';
import type { MessagePage } from './schema.ts';
import { messagesToWire } from './wire.ts';

/** How many messages a page has unless the request says otherwise. */
export const pageSize = 50;

/** The same to every member. */
interface PageAnswer {
  /** JSON. */
  readonly body: Buffer;
  /** The ids at its ends, and whether the chat goes on there. */
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
}

/** Writes a page down once, for however many will read it. */
export function toAnswer({ messages: found, reactions, hasOlder, hasNewer }: Page): PageAnswer {
  const page: MessagePage = { messages: messagesToWire(found, reactions) };
  const body = Buffer.from(JSON.stringify(page));
  return { body, first: found[0]?.id, last: found.at(-1)?.id, hasOlder, hasNewer };
}

const changes = ['message', 'message.edited', 'message.deleted', 'reaction'] as const;

/** The newest messages of a chat; whether the caller may read them is not asked here. */
export const newestPage: Kind<{ chatId: number }, PageAnswer> = {
  key: ({ chatId }) => `newest ${chatId}`,
  read: async (snapshot, { chatId }) => {
    const value = toAnswer(await readPage(snapshot, { chatId, limit: pageSize }));
    return { value, until: about(changes, { chatId }), bytes: value.body.length };
  },
};

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

/** Writes a page down. */
export function toAnswer({ messages: found, reactions, hasOlder, hasNewer }: Page): PageAnswer {
  const page: MessagePage = { messages: messagesToWire(found, reactions) };
  const body = Buffer.from(JSON.stringify(page));
  return { body, first: found[0]?.id, last: found.at(-1)?.id, hasOlder, hasNewer };
}

/** A page that grows at its end and is cut at its front, without being read or written anew. */
interface NewestPage extends PageAnswer {
  readonly pieces: readonly Piece[];
}

/** A message in the page's body, with the comma or bracket before it. */
interface Piece {
  readonly id: number;
  readonly bytes: number;
}

/** What a piece takes in memory beside the body, about, in bytes. */
const pieceBytes = 60;

const start = '{"messages":';
const end = ']}';
const emptyBody = Buffer.from('{"messages":[]}');

const changes = ['message.edited', 'message.deleted', 'reaction'] as const;

/** The newest messages of a chat; whether the caller may read them is not asked here. */
export const newestPage: Kind<{ chatId: number }, NewestPage> = {
  key: ({ chatId }) => chatId,
  read: async (snapshot, { chatId }) => {
    const found = await readPage(snapshot, { chatId, limit: pageSize });
    const { hasOlder } = found;
    const empty = { ...ends([]), body: emptyBody, pieces: [], hasOlder, hasNewer: false };
    return {
      ...sized(extend(empty, found)),
      until: about(changes, { chatId }),
      grownBy: about(['message'], { chatId }),
    };
  },
  grow: (page, events) => {
    // What was read may have been told only afterwards.
    const added = events.flatMap(({ id, news }) =>
      news && id > (page.last ?? 0) ? news.message : [],
    );
    const isWhole = events.every(({ news }) => news !== undefined);
    return isWhole ? sized(extend(page, { messages: added, reactions: [] })) : undefined;
  },
};

function sized(value: NewestPage) {
  return { value, bytes: value.body.length + value.pieces.length * pieceBytes };
}

/** Adds messages at the end of a page; what is too much then goes from its front. */
function extend(
  page: NewestPage,
  { messages, reactions }: Pick<Page, 'messages' | 'reactions'>,
): NewestPage {
  if (messages.length === 0) return page;
  const texts = messagesToWire(messages, reactions).map((message) => `,${JSON.stringify(message)}`);
  const added = messages.map(({ id }, i) => ({ id, bytes: Buffer.byteLength(texts[i] ?? '') }));
  const surplus = Math.max(0, page.pieces.length + added.length - pageSize);
  const stay = page.pieces.slice(surplus);
  const body = compose(page.body.subarray(-lengthOf(stay) - end.length), texts.join('') + end);
  const pieces = [...stay, ...added];
  const hasOlder = page.hasOlder || surplus > 0;
  return { body, pieces, ...ends(pieces), hasOlder, hasNewer: false };
}

/** Writes a body: what of another one stays, to its end, and what is to stand in that end's place. */
function compose(old: Buffer, added: string): Buffer {
  const stay = old.subarray(0, -end.length);
  // In memory of its own: of Node's pool, it would hold its neighbours as well.
  const body = Buffer.allocUnsafeSlow(start.length + stay.length + Buffer.byteLength(added));
  const at = body.write(start);
  body.write(added, at + stay.copy(body, at));
  body.write('[', at);
  return body;
}

function ends(pieces: readonly Piece[]) {
  return { first: pieces[0]?.id, last: pieces.at(-1)?.id };
}

function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { bytes }) => sum + bytes, 0);
}

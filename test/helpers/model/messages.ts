/** Calls about messages, read marks and search. */
import { bringPartnerBack, callsIn, deleteMessage } from './rules.ts';
import { type Chat, day, fold, iso, type Message, refuse } from './state.ts';
import { type Calls, idFrom, ok } from './step.ts';

const emoji = ['👍', '❤️', '👨‍👩‍👧', '🎉', 'no emoji'];

export const messageCalls: Calls = {
  readChat: (model, { chat: id, message, n }, me) => {
    const cursor = [{}, { before: String(message) }, { after: String(message) }][n % 3];
    const limit = [undefined, '1', '3', '200'][n % 4];
    const query = new URLSearchParams({ ...cursor, ...(limit !== undefined && { limit }) });
    return {
      method: 'GET',
      url: `/api/chats/${id}?${query}`,
      rule: () => {
        const { chat } = model.authorise(id, me.id);
        const page = pageOf(
          chat.messages,
          { before: undefined, after: undefined, ...cursor },
          Number(limit ?? 50),
        );
        const link = page.links.map(
          ([name, cursor, rel]) =>
            `</api/chats/${id}?${name}=${cursor}&limit=${limit ?? 50}>; rel="${rel}"`,
        );
        return {
          status: 200,
          body: { messages: page.messages.map(toWire) },
          link: link.length > 0 ? link.join(', ') : null,
        };
      },
    };
  },

  post: (model, { chat: id, message: replyTo, text, n }, me) => {
    const key = n % 4 === 1 ? 'a key' : undefined;
    const isReply = n % 4 === 0;
    return {
      method: 'POST',
      url: `/api/chats/${id}`,
      fields: { content: text, ...(isReply && { reply_to: String(replyTo) }) },
      ...(key !== undefined && { headers: { 'idempotency-key': key } }),
      rule: (answer) => {
        const { chat, member } = model.authorise(id, me.id);
        const previous = model.posted.get(`${me.id} ${key}`);
        if (previous !== undefined && previous.at > model.now - day)
          return ok(201, previous.location);
        if (isReply) model.requireMessage(chat, replyTo);
        bringPartnerBack(model, chat, me.id);
        const message: Message = {
          ...{ id: idFrom(answer), sender: me.id, time: model.now, content: text, reactions: [] },
          calls: callsIn(model, chat, me.id, text),
          ...(isReply && { replyTo }),
        };
        chat.messages.push(message);
        member.readId = message.id;
        model.ever.messages.push(message.id);
        const location = `/api/chats/${id}/messages/${message.id}`;
        if (key !== undefined) model.posted.set(`${me.id} ${key}`, { location, at: model.now });
        return ok(201, location);
      },
    };
  },

  readMessage: (model, { chat: id, message }, me) => ({
    method: 'GET',
    url: `/api/chats/${id}/messages/${message}`,
    rule: () => {
      const { chat } = model.authorise(id, me.id);
      return { status: 200, body: { message: toWire(model.requireMessage(chat, message)) } };
    },
  }),

  edit: (model, { chat: id, message, text }, me) => ({
    method: 'PUT',
    url: `/api/chats/${id}/messages/${message}`,
    fields: { content: text },
    rule: () => {
      const { chat } = model.authorise(id, me.id);
      const edited = model.requireMessage(chat, message);
      if (edited.sender !== me.id) refuse('other_sender');
      const calls = callsIn(model, chat, me.id, text);
      Object.assign(edited, { content: text, edited: model.now, calls });
      return ok();
    },
  }),

  /** The documented route deletes only the caller's messages; the other lets an owner delete any. */
  delete: (model, { chat: id, message, n }, me) => ({
    method: 'DELETE',
    url: n % 2 === 0 ? `/api/chats/${id}?id=${message}` : `/api/chats/${id}/messages/${message}`,
    rule: () => {
      const { chat, member } = model.authorise(id, me.id);
      const found = model.requireMessage(chat, message);
      const mayDelete = found.sender === me.id || (n % 2 === 1 && member.role === 'owner');
      if (!mayDelete) refuse('other_sender');
      deleteMessage(chat, found);
      return ok();
    },
  }),

  react: (model, { chat: id, message, n }, me) => {
    const chosen = emoji[n % emoji.length] ?? '';
    return {
      method: n % 3 === 0 ? 'DELETE' : 'PUT',
      url: `/api/chats/${id}/messages/${message}/reactions/${encodeURIComponent(chosen)}`,
      rule: () => {
        const { reactions } = model.requireMessage(model.authorise(id, me.id).chat, message);
        const index = reactions.findIndex(
          (reaction) => reaction.emoji === chosen && reaction.userId === me.id,
        );
        if (n % 3 === 0) {
          if (index >= 0) reactions.splice(index, 1);
        } else {
          if (chosen === 'no emoji') refuse('bad_emoji');
          if (index < 0) reactions.push({ emoji: chosen, userId: me.id });
        }
        return ok();
      },
    };
  },

  markRead: (model, { chat: id, message }, me) => ({
    method: 'PUT',
    url: `/api/chats/${id}/read`,
    fields: { id: String(message) },
    rule: () => {
      const { chat, member } = model.authorise(id, me.id);
      const newest = chat.messages.at(-1)?.id ?? 0;
      member.readId = Math.max(member.readId, Math.min(message, newest));
      return ok();
    },
  }),

  search: (model, { chat: id, query, name, n }, me) => {
    const filters = {
      ...(n % 3 === 0 && { chat_id: String(id) }),
      ...(n % 4 === 0 && { from: name }),
      limit: ['1', '3', '50'][n % 3] ?? '50',
    };
    return {
      method: 'GET',
      url: `/api/search?${new URLSearchParams({ q: query, ...filters })}`,
      list: 'hits',
      rule: () => {
        const chats = n % 3 === 0 ? [model.authorise(id, me.id).chat] : model.chatsOf(me.id);
        const sender = model.userByName(name)?.id;
        const hits = chats
          .flatMap((chat) => chat.messages.map((message) => hitOf(chat, message, query)))
          .filter((hit) => hit !== undefined)
          .filter((hit) => n % 4 !== 0 || hit.sender_id === sender)
          .sort((one, other) => other.id - one.id);
        return { status: 200, body: { hits } };
      },
    };
  },
};

/** A page of messages and its links: the cursor's name, its value and its direction. */
function pageOf(
  all: readonly Message[],
  { before, after }: { before: string | undefined; after: string | undefined },
  limit: number,
) {
  const fitting = all.filter(
    ({ id }) => id < Number(before ?? Infinity) && id > Number(after ?? 0),
  );
  const messages = after === undefined ? fitting.slice(-limit) : fitting.slice(0, limit);
  const isCut = fitting.length > limit;
  const links: [string, number, string][] = [];
  const [first, last] = [messages[0], messages.at(-1)];
  const hasOlder = after === undefined ? isCut : all.some(({ id }) => id <= Number(after));
  if (first !== undefined && hasOlder) links.push(['before', first.id, 'prev']);
  // With `before`, there are newer messages, or were.
  const hasNewer = after === undefined ? before !== undefined : isCut;
  if (last !== undefined && hasNewer) links.push(['after', last.id, 'next']);
  return { messages, links };
}

function toWire({ content, id, sender, time, edited, replyTo, reactions }: Message) {
  const byEmoji = Map.groupBy(reactions, ({ emoji }) => emoji);
  const sorted = [...byEmoji].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return {
    ...{ content, id, sender_id: sender, time: iso(time) },
    ...(edited !== undefined && { edited: iso(edited) }),
    ...(replyTo !== undefined && { reply_to: replyTo }),
    ...(reactions.length > 0 && {
      reactions: sorted.map(([emoji, by]) => ({
        emoji,
        count: by.length,
        user_ids: by.map(({ userId }) => userId).sort((a, b) => a - b),
      })),
    }),
  };
}

/** Words without case and accents; the texts of these tests need no more. */
function wordsIn(text: string): { word: string; mark: [number, number] }[] {
  return Array.from(text.matchAll(/\p{sc=Han}|[^\P{L}\p{sc=Han}]+/gu), ({ 0: raw, index }) => ({
    word: fold(raw).normalize('NFD').replace(/\p{M}/gu, ''),
    mark: [index, index + raw.length],
  }));
}

/** A hit if all words of the query are in the message, the last one at least as a prefix. */
function hitOf(chat: Chat, message: Message, query: string) {
  const words = wordsIn(message.content);
  const wanted = wordsIn(query).map(({ word }, index, all) => {
    const isPrefix = index === all.length - 1 && !query.endsWith(' ') && word.length > 1;
    return words.filter((found) => (isPrefix ? found.word.startsWith(word) : found.word === word));
  });
  if (wanted.length === 0 || wanted.some((found) => found.length === 0)) return undefined;
  return {
    ...{ chat_id: chat.id, id: message.id, sender_id: message.sender, time: iso(message.time) },
    snippet: message.content,
    marks: words.filter((word) => wanted.flat().includes(word)).map(({ mark }) => mark),
  };
}

/** A client's knowledge of its user's chats, from the events only. */
import type { Test } from 'tap';
import { addressOf, cookieOf, type EventReader, openEvents, type SseEvent } from './sse.ts';
import { type Person, password, type World } from './world.ts';

interface Member {
  readonly id: number;
  readonly name: string;
  readonly role: string;
  readonly disabled?: true;
}

interface Message {
  readonly id: number;
  readonly sender_id: number;
  readonly reactions?: readonly { emoji: string; count: number; user_ids: number[] }[];
}

interface Chat {
  title: string;
  readonly isDirect: boolean;
  readId: number;
  notify: string;
  readonly members: Map<number, Member>;
  readonly messages: Map<number, Message>;
}

/** Reads all chats of a person, or one of them, over the API. */
async function loadChats(person: Person, only?: number): Promise<Map<number, Chat>> {
  const chats = new Map<number, Chat>();
  for (const { id } of await listChats(person)) {
    if (only !== undefined && id !== only) continue;
    const members = await person.get(`/api/chats/${id}/members`);
    const messages = await loadMessages(person, id);
    // After the messages: if all are read, they do not say up to which id.
    const chat = (await listChats(person)).find((other) => other.id === id);
    // Left in the meantime; an event will say so.
    if (members.status !== 200 || messages === undefined || chat === undefined) continue;
    const { title, direct = false, read_id, notify = 'all' } = chat;
    const list: Member[] = members.body.members;
    chats.set(id, {
      title,
      isDirect: direct,
      readId: read_id ?? Math.max(0, ...messages.map((message) => message.id)),
      notify,
      members: new Map(list.map((member) => [member.id, member])),
      messages: new Map(messages.map((message) => [message.id, message])),
    });
  }
  return chats;
}

interface Listed {
  readonly id: number;
  readonly title: string;
  readonly direct?: boolean;
  readonly read_id?: number;
  readonly notify?: string;
}

async function listChats(person: Person): Promise<readonly Listed[]> {
  return (await person.get('/api/chats')).body.chats ?? [];
}

async function loadMessages(person: Person, chatId: number): Promise<Message[] | undefined> {
  const messages: Message[] = [];
  for (;;) {
    const after = messages.at(-1)?.id ?? 1;
    const { status, body } = await person.get(`/api/chats/${chatId}?after=${after}&limit=200`);
    if (status !== 200) return undefined;
    messages.push(...body.messages);
    if (body.messages.length < 200) return messages;
  }
}

export class Replica {
  readonly person: Person;
  chats = new Map<number, Chat>();
  reader: EventReader | undefined;
  /** Violations of the rules. */
  readonly wrong: string[] = [];
  resets = 0;
  connections = 0;
  readonly #t: Test;
  readonly #world: World;
  #lastId = 0;
  /** The chats that it knows to have been left. */
  readonly #left = new Set<number>();
  /**
   * The chats that could not be loaded, with the event of joining: they had been left already, or
   * the account was disabled.
   */
  readonly #unloaded = new Map<number, number>();
  #isIncomplete = false;
  #running: Promise<void> = Promise.resolve();
  #isStopped = true;

  constructor(t: Test, world: World, person: Person) {
    this.#t = t;
    this.#world = world;
    this.person = person;
  }

  /** Reads the stream, and reconnects after each break, until it cannot sign in any more. */
  start(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#running = this.#run().finally(() => {
      this.#isStopped = true;
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.reader?.cut();
    await this.#running;
  }

  /** Resolves when it has reached an event. */
  async reach(id: number): Promise<void> {
    while (this.#lastId < id) {
      if (this.#isStopped) throw new Error(`${this.person.name} does not listen`);
      await new Promise(setImmediate);
    }
  }

  /** The chats in a comparable form. */
  state() {
    return comparable(this.chats);
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const { person } = this;
      const url = await addressOf(this.#world);
      const lastEventId = String(this.#lastId);
      const reader = await openEvents(this.#t, { url, cookie: cookieOf(person), lastEventId });
      if (reader.status !== 200) {
        const answer = await person.post('/api/login', { name: person.name, password });
        if (answer.status !== 200) return;
        await this.#catchUp();
        continue;
      }
      this.connections += 1;
      this.reader = reader;
      await this.#follow(reader);
    }
  }

  async #follow(reader: EventReader): Promise<void> {
    for (let next = 0; ; ) {
      const event = reader.events[next];
      if (event === undefined) {
        if (reader.hasEnded) break;
        await reader.until(() => reader.events.length > next).catch(() => undefined);
        continue;
      }
      next += 1;
      await this.#receive(event);
    }
    this.#lastId = Math.max(this.#lastId, reader.lastId ?? 0);
  }

  async #receive(event: SseEvent): Promise<void> {
    if (event.id !== undefined) {
      if (event.id <= this.#lastId && event.type !== 'reset')
        this.wrong.push(`again ${event.text}`);
    } else if (event.type !== 'typing' && event.type !== 'session.ended') {
      this.wrong.push(`no id ${event.text}`);
    }
    await this.#apply(event);
    this.#lastId = event.id ?? this.#lastId;
  }

  async #apply({ id = 0, type, data, text }: SseEvent): Promise<void> {
    const me = this.person.id;
    if (type === 'reset') {
      this.resets += 1;
      return this.#load();
    }
    if (type === 'session.ended') return;
    if (type === 'user') return this.#changeUser(data);
    const chatId: number = data.chat_id ?? data.chat.id;
    if (type === 'member.joined' && data.member.id === me) return this.#enter(chatId, id);
    const chat = this.chats.get(chatId);
    if (type === 'member.left' && data.user_id === me) this.#left.add(chatId);
    if (chat === undefined) {
      const isFarewell = type === 'member.left' || type === 'chat.deleted';
      if (!isFarewell && this.#isStranger(chatId)) this.wrong.push(`leaked ${text}`);
      return;
    }
    if (type === 'message' || type === 'message.edited') {
      chat.messages.set(data.message.id, data.message);
      if (data.message.sender_id === me) chat.readId = Math.max(chat.readId, data.message.id);
    }
    if (type === 'message.deleted') chat.messages.delete(data.id);
    if (type === 'reaction') setReactions(chat, data);
    if (type === 'chat') chat.title = data.chat.title;
    if (type === 'chat.deleted') this.chats.delete(chatId);
    if (type.startsWith('member.') && data.member) chat.members.set(data.member.id, data.member);
    if (type === 'member.left') chat.members.delete(data.user_id);
    if (type === 'member.left' && data.user_id === me) this.chats.delete(chatId);
    if (type === 'read' || type === 'notify') {
      Object.assign(chat, { readId: data.id, notify: data.notify });
    }
  }

  #changeUser({ id, name, disabled }: { id: number; name: string; disabled?: true }): void {
    for (const { members } of this.chats.values()) {
      const member = members.get(id);
      if (member === undefined) continue;
      const { disabled: _, ...rest } = member;
      members.set(id, { ...rest, name, ...(disabled && { disabled }) });
    }
  }

  async #enter(chatId: number, joinedEvent: number): Promise<void> {
    this.#left.delete(chatId);
    const chat = (await loadChats(this.person, chatId)).get(chatId);
    // A new member has read everything up to joining.
    if (chat !== undefined) this.chats.set(chatId, { ...chat, readId: joinedEvent });
    else this.#unloaded.set(chatId, joinedEvent);
  }

  /** Loads everything; an account that is disabled meanwhile gets only some of it. */
  async #load(): Promise<void> {
    this.chats = await loadChats(this.person);
    this.#left.clear();
    this.#isIncomplete = (await this.person.get('/api/chats')).status !== 200;
  }

  /** Loads what could not be loaded while the account was disabled. */
  async #catchUp(): Promise<void> {
    if (this.#isIncomplete) await this.#load();
    for (const [chatId, joined] of this.#unloaded) {
      if (!this.chats.has(chatId) && !this.#left.has(chatId)) await this.#enter(chatId, joined);
    }
  }

  /**
   * Whether no event of a chat may arrive. An event from before the chats could be loaded may still
   * arrive for a chat that had been left by then.
   */
  #isStranger(chatId: number): boolean {
    return this.#left.has(chatId) || (this.resets === 0 && !this.#unloaded.has(chatId));
  }
}

/** A message has fewer reactions here than its list of users can show. */
function setReactions(
  chat: Chat,
  change: { id: number; emoji: string; user_id: number; added: boolean; count: number },
): void {
  const message = chat.messages.get(change.id);
  if (message === undefined) return;
  const { reactions: before = [], ...rest } = message;
  const { emoji, count } = change;
  const others = before.filter((reaction) => reaction.emoji !== emoji);
  const existing = before.find((reaction) => reaction.emoji === emoji)?.user_ids ?? [];
  const users = new Set(existing);
  if (change.added) users.add(change.user_id);
  else users.delete(change.user_id);
  const changed = { emoji, count, user_ids: [...users].sort((a, b) => a - b) };
  const reactions = (count > 0 ? [...others, changed] : others).sort((a, b) =>
    Buffer.compare(Buffer.from(a.emoji), Buffer.from(b.emoji)),
  );
  chat.messages.set(change.id, reactions.length > 0 ? { ...rest, reactions } : rest);
}

/** A person's chats according to the server. */
export async function stateOf(person: Person) {
  return comparable(await loadChats(person));
}

function comparable(chats: Map<number, Chat>) {
  const byId = (a: { id: number }, b: { id: number }) => a.id - b.id;
  return Array.from(chats, ([id, chat]) => ({
    id,
    // A direct chat has the name of its other member, different for each side.
    title: chat.isDirect ? '' : chat.title,
    notify: chat.notify,
    unread: [...chat.messages.keys()].filter((message) => message > chat.readId).length,
    members: [...chat.members.values()].toSorted(byId),
    messages: [...chat.messages.values()].toSorted(byId),
  })).toSorted(byId);
}

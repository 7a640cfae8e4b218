/** Fills an empty database with a few years of chatting. */
import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { limits } from '../src/event-log/retention.ts';
import { opensBlock } from '../src/search-index/blocks.ts';
import { searchEntry } from '../src/search-index/search-index.ts';
import { entriesOf } from '../src/search-index/vocabulary/vocabulary.ts';
import { hashToken } from '../src/sessions/tokens.ts';
import { canonicalEmail, canonicalName } from '../src/users/canonical.ts';
import { Random } from './random.ts';
import { pickLanguage, writeMessage, writeTitle } from './text.ts';

const userCount = 2_000;
const chatCount = 1_000;

/** How many chats a user is in: 20, give or take 4. */
const fewestChats = 16;
const mostChats = 24;

/** The time of the first message, and the time from it to the last one, in ms. */
const start = Date.parse('2024-11-01T00:00:00Z');
const span = 2 * 365 * 86_400_000;

/** Nobody signs in with these passwords; it only has to look like a hash. */
const passwordHash = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** The token of a user's session. It need not be secret in a database for measurements. */
export function tokenOf(userId: number): string {
  return createHash('sha256').update(`snug benchmark, user ${userId}`).digest('base64url');
}

interface Chat {
  readonly id: number;
  readonly language: number;
  readonly members: number[];
  posted: number;
  /** The block of the search index for its next messages. */
  block: number;
}

/** Makes users, sessions, chats and memberships, then as many messages as `messages` says. */
export function fill(sqlite: Database, messages: number, seed: number): void {
  const random = new Random(seed);
  const nextId = countIds();
  sqlite.transaction(() => {
    insertUsers(sqlite);
    const chats = insertChats(sqlite, random, nextId);
    insertMemberships(sqlite, random, chats, nextId);
    insertMessages(sqlite, random, chats, nextId, messages);
    insertEvents(sqlite);
    showLastMessages(sqlite);
  })();
}

/** Chats, memberships and messages have the ids of their events, even of those already deleted. */
type NextId = () => number;

function countIds(): NextId {
  let last = 0;
  return () => ++last;
}

function insertUsers(sqlite: Database): void {
  const user = sqlite.prepare(
    `insert into users (name, name_key, email, email_key, password_hash, role, created_at)
     values (?, ?, ?, ?, ?, 'user', ?)`,
  );
  const session = sqlite.prepare(
    `insert into sessions (user_id, token_hash, device, created_at, last_seen_at)
     values (?, ?, 'Benchmark', ?, ?)`,
  );
  for (let id = 1; id <= userCount; id++) {
    const [name, email] = [`User ${id}`, `user${id}@example.org`];
    user.run(name, canonicalName(name), email, canonicalEmail(email), passwordHash, start);
    session.run(id, hashToken(tokenOf(id)), start, start);
  }
}

function insertChats(sqlite: Database, random: Random, nextId: NextId): Chat[] {
  const insert = sqlite.prepare('insert into chats (id, title, created_at) values (?, ?, ?)');
  return Array.from({ length: chatCount }, () => {
    const language = pickLanguage(random);
    const owner = 1 + random.below(userCount);
    const id = nextId();
    insert.run(id, writeTitle(random, language), start);
    return { id, language, members: [owner], posted: 0, block: 0 };
  });
}

function insertMemberships(sqlite: Database, random: Random, chats: Chat[], nextId: NextId): void {
  const insert = sqlite.prepare(
    `insert into memberships (user_id, chat_id, role, joined_at, joined_event)
     values (?, ?, ?, ?, ?)`,
  );
  for (let userId = 1; userId <= userCount; userId++) joinChats(random, chats, userId);
  for (const { id, members } of chats) {
    for (const [index, userId] of members.entries()) {
      insert.run(userId, id, index === 0 ? 'owner' : 'member', start, nextId());
    }
  }
}

/** Some chats have nearly everybody in them; most have only a few. */
function joinChats(random: Random, chats: Chat[], userId: number): void {
  let missing = fewestChats + random.below(mostChats - fewestChats + 1);
  missing -= chats.filter((chat) => chat.members[0] === userId).length;
  while (missing > 0) {
    const members = chats[random.zipf(chats.length)]?.members;
    if (members === undefined || members.includes(userId)) continue;
    members.push(userId);
    missing--;
  }
}

/** Chats alternate at random; the busiest gets about 1,000 times as many as the quietest. */
function insertMessages(
  sqlite: Database,
  random: Random,
  chats: Chat[],
  nextId: NextId,
  count: number,
): void {
  const insert = sqlite.prepare(
    'insert into messages (chat_id, id, sender_id, content, created_at) values (?, ?, ?, ?, ?)',
  );
  const index = sqlite.prepare('insert into search (rowid, words, scope) values (?, ?, ?)');
  const openBlock = sqlite.prepare('insert into search_blocks (chat_id, first_id) values (?, ?)');
  const learn = sqlite.prepare(
    'insert or ignore into search_vocabulary (block, word) values (?, ?)',
  );
  for (let i = 0; i < count; i++) {
    const chat = chats[random.zipf(chats.length)];
    if (chat === undefined) continue;
    const sender = random.pick(chat.members);
    const at = start + Math.floor((i / count) * span);
    const id = nextId();
    const content = writeMessage(random, chat.language);
    insert.run(chat.id, id, sender, content, at);
    chat.posted += 1;
    if (opensBlock(chat.posted)) {
      openBlock.run(chat.id, id);
      chat.block = id;
    }
    const entry = searchEntry({ id, senderId: sender, content }, chat.block);
    index.run(id, entry.words, entry.scope);
    for (const word of entriesOf(content)) learn.run(chat.block, word);
  }
}

/**
 * Adds the events that a server's retention would leave when the last message is new: only
 * messages, because everything else happened long before. With a log of all events, the server
 * would spend its first seconds deleting old ones, and that time would be measured.
 */
function insertEvents(sqlite: Database): void {
  const insert = sqlite.prepare<typeof limits>(`
    with newest as (select id, created_at as at from messages order by id desc limit 1)
    insert into events (id, type, at, chat_id, user_id)
    select m.id, 'message', m.created_at, m.chat_id, m.sender_id
    from newest cross join messages m
    where m.id > newest.id - :maxCount and m.created_at >= newest.at - :maxAge
    order by m.id`);
  insert.run(limits);
}

/** Sets what mutations and the vocabulary job would have set. Everybody has read everything. */
function showLastMessages(sqlite: Database): void {
  sqlite.exec(`
    update chats set
      last_message_id = m.id, last_message = m.content,
      last_message_at = m.created_at, last_sender_id = m.sender_id
    from messages m
    where m.chat_id = chats.id
      and m.id = (select max(id) from messages where chat_id = chats.id);
    update server_state set value = (select max(id) from messages) where key = 'search_indexed';
    update search_blocks set known_to =
      (select last_message_id from chats where id = chat_id);
    update chats set
      posted = (select count(*) from messages where chat_id = chats.id),
      member_count = (select count(*) from memberships where chat_id = chats.id);
    update memberships set (seen, read_id) =
      (select posted, coalesce(last_message_id, 0) from chats where id = chat_id)`);
}

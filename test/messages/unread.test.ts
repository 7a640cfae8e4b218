/**
 * Unread and mention counts, stored in columns, against a model that simply counts: thousands of
 * random changes by the mutations themselves. UNREAD_STEPS and SEED run more of them.
 */
import Database from 'better-sqlite3';
import t from 'tap';
import { changeUser } from '../../src/accounts/accounts.ts';
import { SqliteWriter } from '../../src/db/writer/sqlite-writer.ts';
import { clearDeleted } from '../../src/jobs/clear-deleted.ts';
import { clearAllDeleted } from '../../src/jobs/deletions.ts';
import { addMember, leaveChat, removeMember } from '../../src/members/members.ts';
import { findChat, findMembership } from '../../src/members/queries.ts';
import { unreadLimit } from '../../src/mentions/mentions.ts';
import { deleteMessage, editMessage, postMessage } from '../../src/messages/messages.ts';
import { markRead } from '../../src/messages/read-state.ts';
import { canonicalName } from '../../src/users/canonical.ts';
import { withCode } from '../helpers/code.ts';
import { hurried } from '../helpers/database.ts';
import { randomNumbers, seedOf } from '../helpers/random.ts';
import { execute, query } from '../helpers/rows.ts';
import { type Person, startCast, startWorld } from '../helpers/world.ts';

const steps = Number(process.env.UNREAD_STEPS ?? 2_000);

interface Message {
  readonly id: number;
  readonly sender: number;
  calls: Set<number>;
}

t.test('the counts are right after any changes', async (t) => {
  const { db, file, register } = await startWorld(t);
  const people: Person[] = [];
  for (const name of ['alice', 'bob', 'carol', 'dave']) people.push(await register(name));
  const [owner] = people;
  if (owner === undefined) return;
  const devices = await Promise.all(people.map((person) => person.otherDevice()));
  const chatId = Number((await owner.createChat('Sunday hike')).split('/').at(-1));
  const names = new Map(people.map(({ id, name }) => [id, name]));
  /** How far each member has read. */
  const marks = new Map([[owner.id, 0]]);
  const messages: Message[] = [];
  /** How many deleted messages had yet to be subtracted for some members. */
  const pending = new Set<number>();
  const chance = randomNumbers(seedOf(t));
  const pick = <Element>(list: readonly Element[]) => list[Math.floor(chance() * list.length)];
  const newest = () => messages.at(-1)?.id ?? 0;
  crowd(file, chatId, owner.id);

  /** A text that mentions some users, and the members among them. */
  const draft = (sender: number) => {
    const called = people.filter(() => chance() < 0.3).map(({ id }) => id);
    const content = ['hello', ...called.map((id) => `@${names.get(id)}`)].join(' ');
    return { content, calls: new Set(called.filter((id) => id !== sender && marks.has(id))) };
  };

  const changes: Record<string, (userId: number) => Promise<unknown>> = {
    async post(userId) {
      const { content, calls } = draft(userId);
      const { id } = await db.write(postMessage, { chatId, userId, content });
      messages.push({ id, sender: userId, calls });
      marks.set(userId, id);
    },
    async edit(userId) {
      const message = pick(messages.filter(({ sender }) => sender === userId));
      if (message === undefined) return;
      const { content, calls } = draft(userId);
      await db.write(editMessage, { chatId, userId, id: message.id, content });
      message.calls = calls;
    },
    async delete(userId) {
      // The newest ones more often, because their deletion brings back an older last message.
      const message = chance() < 0.5 ? messages.at(-1) : pick(messages);
      const mayDelete = userId === owner.id || message?.sender === userId;
      if (message === undefined || !mayDelete) return;
      const mutation = chance() < 0.5 ? deleteMessage : hurried(deleteMessage);
      await db.write(mutation, { chatId, userId, id: message.id, ownOnly: false });
      messages.splice(messages.indexOf(message), 1);
    },
    async clear() {
      await db.write(hurried(clearDeleted), {});
      pending.add(Number(query(file, 'select count(*) as n from pending_deletions')[0]?.n));
    },
    async read(userId) {
      // Before the mark, after the newest, at a message or between two.
      const unread = messages.filter(({ id }) => id > (marks.get(userId) ?? 0));
      const near = pick(chance() < 0.7 ? unread : messages)?.id ?? 1;
      const id = Math.max(1, Math.floor(near + chance() * 6 - 2));
      await db.write(markRead, { chatId, userId, id });
      marks.set(userId, Math.max(marks.get(userId) ?? 0, Math.min(id, newest())));
    },
    async enter() {
      const person = pick(people.filter(({ id }) => !marks.has(id)));
      if (person === undefined) return;
      const nameKey = canonicalName(names.get(person.id) ?? '');
      await db.write(addMember, { chatId, userId: owner.id, nameKey, quota: 100 });
      marks.set(person.id, newest());
      crowd(file, chatId, person.id);
    },
    async leave(userId) {
      if (userId === owner.id || chance() < 0.7) return;
      if (chance() < 0.5) await db.write(leaveChat, { chatId, userId });
      else await db.write(removeMember, { chatId, userId: owner.id, memberId: userId });
      marks.delete(userId);
    },
    async rename(userId) {
      const name = pick(['ann', 'b. ann', 'Ängström', 'x', 'bobby']) ?? 'ann';
      if ([...names.values()].includes(name)) return;
      const session = { id: 0, userId };
      await db.write(changeUser, { id: userId, session, name, nameHold: 0 });
      names.set(userId, name);
    },
  };
  const weighted = ['post', 'post', 'post', 'edit', 'edit', 'delete', 'delete', 'read', 'read'];

  for (let step = 0; step < steps; step += 1) {
    const change = pick([...weighted, 'clear', 'enter', 'leave', 'rename']) ?? 'post';
    const userId = pick([...marks.keys()]) ?? owner.id;
    await changes[change]?.(userId);
    for (const { id } of people) {
      const chat = await db.read(findChat, { id: chatId });
      const own = await db.read(findMembership, { chatId, userId: id });
      const actual = own && [Number(chat?.posted) - own.seen, own.mentions, own.readId];
      const mark = marks.get(id);
      const unread = messages.filter((message) => message.id > (mark ?? 0));
      const calls = unread.filter((message) => message.calls.has(id));
      const expected = mark === undefined ? undefined : [unread.length, calls.length, mark];
      if (String(actual) === String(expected)) continue;
      t.strictSame(actual, expected, `step ${step}: ${change} by ${userId}, as ${id} sees it`);
      return;
    }
  }
  for (const [index, person] of people.entries()) {
    const { text } = await person.get('/api/chats');
    t.equal((await devices[index]?.get('/api/chats'))?.text, text, 'the same on two devices');
  }
  t.ok(pending.size > 1, `${steps} steps, with ${Math.max(...pending)} deletions under way`);
  await clearAllDeleted(db);
  for (const { id } of people) {
    const stored = 'select seen from memberships where user_id = ? and chat_id = ?';
    const own = await db.read(findMembership, { chatId, userId: id });
    t.equal(query(file, stored, id, chatId)[0]?.seen, own?.seen, 'no subtraction is pending');
  }
});

/** Adds a hundred members with one: a deletion in portions then reaches each member separately. */
function crowd(file: string, chatId: number, userId: number): void {
  execute(
    file,
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < 100)
     insert or replace into memberships (user_id, chat_id, role, joined_at, joined_event, read_id, seen)
     select 1000000 + 1000 * m.user_id + i, m.chat_id, 'member', 0, m.joined_event, m.read_id, m.seen
     from n, memberships as m where m.user_id = ? and m.chat_id = ?`,
    userId,
    chatId,
  );
}

t.test('one statement finds everybody whom a message could mention', async (t) => {
  const { file, alice, bob, chat } = await startCast(t);
  let statements = 0;
  const sqlite = new Database(file, { verbose: () => (statements += 1) });
  t.teardown(() => sqlite.close());
  const writer = new SqliteWriter(sqlite, { clock: Date.now, check: () => undefined });
  const chatId = Number(chat.split('/').at(-1));
  const count = async (content: string) => {
    statements = 0;
    const task = { mutation: postMessage, input: { chatId, userId: alice.id, content } };
    t.match(await writer.write([task]), { outcomes: [{ result: { chatId } }] });
    return statements;
  };
  await count('the first time statements are prepared');
  const plain = await count('hello');
  const bomb = Array.from({ length: 50 }, (_, i) => `@${i}${'!'.repeat(31)}`).join(' ');
  t.equal(await count(bomb), plain + 1);
  t.equal(await count(`${bomb.slice(0, 1_000)} @bob`), plain + 4, 'and three to mention one');
  t.equal((await bob.get('/api/chats')).body.chats[0].mentions, 1);
});

t.test('code mentions nobody', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  await alice.post(`${chat}/members`, { name: 'carol' });
  const mentionsOf = async (person: Person): Promise<number> =>
    (await person.get('/api/chats')).body.chats[0].mentions ?? 0;
  for (const [content, called] of Object.entries(withCode)) {
    const before = [await mentionsOf(bob), await mentionsOf(carol)];
    await alice.send(chat, content);
    const after = [await mentionsOf(bob), await mentionsOf(carol)];
    const names = ['@bob', '@carol'].filter((_, i) => after[i] !== before[i]);
    t.strictSame(names, called, content);
  }
});

t.test('a mention counts in every script, and before a name with an @ in it', async (t) => {
  const { alice, chat, register } = await startCast(t);
  for (const [name, content, count] of [
    ['李小龙', '@李小龙你好', 1],
    ['สมชาย', '@สมชายครับ', 1],
    ['ann', '＠ann', 1],
    ['joe@corp.com', '@joe@corp.com', 1],
    ['corp.com', 'joe@corp.com', 0],
    ['a*b*', '*see @a*b* there*', 1],
    ['a @b', '@a @b', 1],
    ['b', '@a @b', 0],
  ] as const) {
    const person = await register(name);
    await alice.post(`${chat}/members`, { name });
    await alice.send(chat, content);
    const { mentions = 0, unread } = (await person.get('/api/chats')).body.chats[0];
    t.strictSame({ mentions, unread }, { mentions: count, unread: 1 }, content);
  }
});

t.test('a member’s unread mentions are bounded, and the newest are stored', async (t) => {
  const { db, file, alice, bob, chat } = await startCast(t);
  const chatId = Number(chat.split('/').at(-1));
  const content = 'Where are you, @bob?';
  const posts = Array.from({ length: unreadLimit + 2 }, () =>
    db.write(postMessage, { chatId, userId: alice.id, content }),
  );
  const ids = (await Promise.all(posts)).map(({ id }) => id);
  const mentions = async () => (await bob.get('/api/chats')).body.chats[0]?.mentions;
  t.equal(await mentions(), unreadLimit);
  const [oldest] = query(file, 'select min(message_id) as id from mentions');
  t.equal(oldest?.id, ids[2]);
  await db.write(markRead, { chatId, userId: bob.id, id: Number(ids[500]) });
  t.equal(await mentions(), ids.length - 501, 'below the limit it is exact');
  await db.write(markRead, { chatId, userId: bob.id, id: Number(ids.at(-1)) });
  t.equal(await mentions(), undefined);
  t.strictSame(query(file, 'select * from mentions'), []);
});

t.test('a read mark moves over very many messages a portion at a time', async (t) => {
  const { db, alice, bob, chat } = await startCast(t);
  const chatId = Number(chat.split('/').at(-1));
  const posts = Array.from({ length: 1_200 }, () =>
    db.write(postMessage, { chatId, userId: alice.id, content: 'hello' }),
  );
  const ids = (await Promise.all(posts)).map(({ id }) => id);
  const unread = async () => (await bob.get('/api/chats')).body.chats[0].unread;
  const mark = { chatId, userId: bob.id, id: Number(ids[1_099]) };
  t.ok(await db.write(hurried(markRead), mark), 'in a unit without time left');
  t.equal(await unread(), 200, 'meanwhile it works as any other mark');
  t.notOk(await db.write(hurried(markRead), mark));
  t.equal(await unread(), 100);
  t.equal((await alice.delete(`${chat}/messages/${ids[1_150]}`)).status, 200);
  t.equal((await bob.put(`${chat}/read`, { id: String(ids.at(-1)) })).status, 200);
  t.equal(await unread(), undefined);
});

/**
 * Unread and mention counts, kept in columns, against a model that simply counts: thousands of
 * random changes through the commands themselves. UNREAD_STEPS and UNREAD_SEED hunt for longer.
 */
import t from 'tap';
import { findChat } from '../../src/chats/queries.ts';
import { addMember, leaveChat, removeMember } from '../../src/members/members.ts';
import { findMembership } from '../../src/members/queries.ts';
import { deleteMessage, editMessage, postMessage } from '../../src/messages/messages.ts';
import { markRead } from '../../src/messages/reading.ts';
import { canonicalName } from '../../src/users/canonical.ts';
import { changeUser } from '../../src/users/users.ts';
import { type Person, startWorld } from '../helpers/world.ts';

const steps = Number(process.env.UNREAD_STEPS ?? 3_000);
const seed = Number(process.env.UNREAD_SEED ?? Date.now() % 2 ** 31);

interface Message {
  readonly id: number;
  readonly sender: number;
  calls: Set<number>;
}

t.test('counts are right whatever happened', async (t) => {
  t.comment(`seed ${seed}`);
  const { db, register } = await startWorld(t);
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
  const chance = random(seed);
  const pick = <Element>(list: readonly Element[]) => list[Math.floor(chance() * list.length)];
  const newest = () => messages.at(-1)?.id ?? 0;

  /** A text that calls some, and who of them is a member. */
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
      // The newest ones more often than not: what they stood for comes back.
      const message = chance() < 0.5 ? messages.at(-1) : pick(messages);
      const mayDelete = userId === owner.id || message?.sender === userId;
      if (message === undefined || !mayDelete) return;
      await db.write(deleteMessage, { chatId, userId, id: message.id, ownOnly: false });
      messages.splice(messages.indexOf(message), 1);
    },
    async read(userId) {
      // Before the mark, behind the newest, at a message or between two.
      const id = Math.max(1, Math.floor((pick(messages)?.id ?? 1) + chance() * 6 - 2));
      await db.write(markRead, { chatId, userId, id });
      marks.set(userId, Math.max(marks.get(userId) ?? 0, Math.min(id, newest())));
    },
    async enter() {
      const person = pick(people.filter(({ id }) => !marks.has(id)));
      if (person === undefined) return;
      const nameKey = canonicalName(names.get(person.id) ?? '');
      await db.write(addMember, { chatId, userId: owner.id, nameKey });
      marks.set(person.id, newest());
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
      await db.write(changeUser, { id: userId, userId, name });
      names.set(userId, name);
    },
  };
  const weighted = ['post', 'post', 'post', 'edit', 'edit', 'delete', 'delete', 'read', 'read'];

  for (let step = 0; step < steps; step += 1) {
    const change = pick([...weighted, 'enter', 'leave', 'rename']) ?? 'post';
    const userId = pick([...marks.keys()]) ?? owner.id;
    await changes[change]?.(userId);
    for (const { id } of people) {
      const chat = await db.read(findChat, { id: chatId });
      const own = await db.read(findMembership, { chatId, userId: id });
      const is = own && [Number(chat?.posted) - own.seen, own.mentions, own.readId];
      const mark = marks.get(id);
      const unread = messages.filter((message) => message.id > (mark ?? 0));
      const calls = unread.filter((message) => message.calls.has(id));
      const should = mark === undefined ? undefined : [unread.length, calls.length, mark];
      if (String(is) === String(should)) continue;
      t.strictSame(is, should, `step ${step}: ${change} by ${userId}, as ${id} sees it`);
      return;
    }
  }
  for (const [index, person] of people.entries()) {
    const { text } = await person.get('/api/chats');
    t.equal((await devices[index]?.get('/api/chats'))?.text, text, 'the same on two devices');
  }
  t.pass(`${steps} steps`);
});

/** Mulberry32: numbers from 0 to 1 that a seed repeats. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

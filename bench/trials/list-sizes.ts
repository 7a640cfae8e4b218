/** The list of chats right after a message in one of them, for people with few chats and many. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { Lab } from '../lab.ts';
import { inRandomOrder, inRounds } from '../measure.ts';
import { Person } from '../person.ts';
import type { Random } from '../random.ts';
import type { BenchRequest } from '../requests.ts';
import type { Server } from '../server.ts';
import { nameSize } from '../settings.ts';
import { byName } from '../statistics.ts';
import { pickLanguage, writeMessage, writeTitle } from '../text.ts';
import type { Trial } from '../trial.ts';

/** How many chats each of the measured people is in. */
const sizes = [20, 1_000, 5_000];

const lists = { 'page of 50': '/api/chats?limit=50', 'whole list': '/api/chats' };

/** What a request leaves to do once it is answered, in ms. */
const aftermath = 3;

/** One person's posts and lists. */
interface Case {
  readonly title: string;
  readonly posts: readonly BenchRequest[];
  readonly list: BenchRequest;
}

export const listSizes: Trial = {
  name: 'list-sizes',
  lasts: ({ rounds, seconds }) => (rounds + 1) * seconds * sizes.length * 2 + 10,
  run: async (lab) => {
    const file = await lab.copy();
    const cases = lab.change(file, (sqlite) => makeCases(sqlite, lab.random));
    const server = await lab.snug(file);
    const rounds = await inRounds(lab.settings.rounds, () =>
      inRandomOrder(cases, lab.random, (one) => measure(lab, server, one)),
    );
    return { values: byName(rounds.flat()) };
  },
};

/** The first user gets as many chats as the first size says, and so on. */
function makeCases(sqlite: Database, random: Random): Case[] {
  return sizes.flatMap((size, index) => {
    const userId = 1 + index;
    const chats = giveChats(sqlite, random, userId, size);
    const posts = chats.map((chatId): BenchRequest => {
      const content = writeMessage(random, pickLanguage(random));
      const body = new URLSearchParams({ content }).toString();
      const route = '/api/chats/:chat_id';
      return { method: 'POST', route, path: `/api/chats/${chatId}`, userId, body };
    });
    return Object.entries(lists).map(([name, path]) => ({
      title: `${nameSize(size)} chats, ${name}`,
      posts,
      list: { method: 'GET', route: '/api/chats', path, userId } as const,
    }));
  });
}

/**
 * Replaces a user's chats by this many, each with one other member and a last message. A list reads
 * no messages, so these chats have none.
 *
 * @returns their ids.
 */
export function giveChats(sqlite: Database, random: Random, userId: number, count: number) {
  sqlite.prepare('delete from memberships where user_id = ?').run(userId);
  const chat = sqlite.prepare(
    `insert into chats (id, title, created_at, member_count, posted,
       last_message_id, last_message, last_message_at, last_sender_id)
     values (?, ?, 0, 2, 1, ?, ?, 0, ?)`,
  );
  const member = sqlite.prepare(
    `insert into memberships (user_id, chat_id, role, joined_at, joined_event, seen, read_id)
     values (?, ?, 'member', 0, 0, 1, ?)`,
  );
  const other = userId + 1_000;
  return takeIds(sqlite, count).map((id) => {
    const language = pickLanguage(random);
    const [title, message] = [writeTitle(random, language), writeMessage(random, language)];
    chat.run(id, title, id + 1, message, other);
    for (const each of [userId, other]) member.run(each, id, id + 1);
    return id;
  });
}

/** Every second id, so that each chat has one left for its last message. */
function takeIds(sqlite: Database, count: number): number[] {
  const first = sqlite
    .prepare<[number], number>(
      `update sqlite_sequence set seq = seq + 2 * ? where name = 'events' returning seq`,
    )
    .pluck()
    .get(count);
  return Array.from({ length: count }, (_, i) => (first ?? 0) - 2 * (count - i) + 1);
}

/** Posts to one of the chats and then reads the list, again and again. */
async function measure(lab: Lab, server: Server, { title, posts, list }: Case) {
  const person = new Person(server.url);
  const end = performance.now() + lab.settings.seconds * 1000;
  let [count, posting, listing] = [0, 0, 0];
  for (; performance.now() < end; count++) {
    posting += await cpuOf(server, person, lab.random.pick(posts));
    listing += await cpuOf(server, person, list);
  }
  person.leave();
  const µs = (seconds: number) => (seconds / count) * 1e6;
  return { [`${title}: CPU µs`]: µs(listing), [`${title}: a post before it, CPU µs`]: µs(posting) };
}

async function cpuOf(server: Server, person: Person, request: BenchRequest): Promise<number> {
  const before = server.threadSeconds();
  await person.ask(request);
  await wait(aftermath);
  return server.threadSeconds() - before;
}

/** Who receives which event: every type, for every kind of reader. */
import t from 'tap';
import type { EventRow } from '../../src/db/unit-of-work.ts';
import { audiences, type EventType } from '../../src/event-log/log.ts';
import { listMissed } from '../../src/event-log/queries.ts';
import { concerns, mayRead } from '../../src/events/audience.ts';
import { execute } from '../helpers/rows.ts';
import { startCast } from '../helpers/world.ts';

const [chat, otherChat, alice, bob] = [1, 2, 10, 11];

/** An event of alice in the chat. */
const eventOf = (type: EventType): EventRow => ({
  id: 100,
  type,
  at: 0,
  chatId: chat,
  userId: alice,
  messageId: null,
  sessionId: null,
  emoji: null,
});

interface Kind {
  readonly userId: number;
  readonly joined: ReadonlyMap<number, number>;
  readonly sharesChat: boolean;
}

/** The kinds of readers, with the event by which each joined which chat. */
const readers = {
  'alice, a member': { userId: alice, joined: new Map([[chat, 50]]), sharesChat: true },
  'alice, who has left': { userId: alice, joined: new Map(), sharesChat: false },
  'a member': { userId: bob, joined: new Map([[chat, 50]]), sharesChat: true },
  'a member by this event': { userId: bob, joined: new Map([[chat, 100]]), sharesChat: true },
  'a member since later': { userId: bob, joined: new Map([[chat, 101]]), sharesChat: true },
  'one who shares another chat': {
    userId: bob,
    joined: new Map([[otherChat, 50]]),
    sharesChat: true,
  },
  'a stranger': { userId: bob, joined: new Map([[otherChat, 50]]), sharesChat: false },
} as const satisfies Record<string, Kind>;

type ReaderName = keyof typeof readers;

const everyone = Object.keys(readers) as ReaderName[];
const members: ReaderName[] = ['alice, a member', 'a member', 'a member by this event'];
const aliceOnly: ReaderName[] = ['alice, a member', 'alice, who has left'];
const strangers: ReaderName[] = ['a stranger'];

/** The readers who catch up on an event of each type. */
const caughtUp = (type: EventType): ReaderName[] => {
  const audience = audiences[type];
  if (audience === 'nobody') return [];
  if (audience === 'user') return aliceOnly;
  if (audience === 'peers') return everyone.filter((name) => !strangers.includes(name));
  return type === 'member.left' ? ['alice, who has left', ...members] : members;
};

for (const type of Object.keys(audiences) as EventType[]) {
  t.test(`an event "${type}" reaches those whom it concerns, and nobody else`, async (t) => {
    const event = eventOf(type);
    for (const name of everyone) {
      const { userId, joined, sharesChat }: Kind = readers[name];
      const isSent =
        concerns(event, userId, joined) && mayRead(event, { userId, chats: joined }, sharesChat);
      t.equal(isSent, caughtUp(type).includes(name), name);
    }
  });
}

t.test('one who has left a chat since may not read the text of an event of it', async (t) => {
  for (const type of Object.keys(audiences) as EventType[]) {
    const isRead = mayRead(eventOf(type), { userId: bob, chats: new Set([otherChat]) }, false);
    t.notOk(isRead, type);
  }
});

t.test('a catch-up reads every event that concerns its reader', async (t) => {
  const { alice, bob, carol, chat, db, file } = await startCast(t);
  const chatId = Number(chat.split('/').at(-1));
  const after = 100;
  let upTo = after;
  for (const type of Object.keys(audiences)) {
    for (const userId of [alice.id, bob.id, null]) {
      upTo += 1;
      const insert = 'insert into events (id, type, at, chat_id, user_id) values (?, ?, 0, ?, ?)';
      execute(file, insert, upTo, type, chatId, userId);
    }
  }
  const all = await db.read(listMissed, { userId: 0, after, upTo, limit: 1_000 });
  t.ok(all.length < upTo - after, 'most of them do not concern a stranger');
  for (const person of [alice, bob, carol]) {
    const { id: userId } = person;
    const joined = new Map(person === carol ? [] : [[chatId, 1]]);
    const found = await db.read(listMissed, { userId, after, upTo, limit: 1_000 });
    const ids = found.map(({ id }) => id);
    let id = after;
    for (const type of Object.keys(audiences) as EventType[]) {
      for (const about of [alice.id, bob.id, null]) {
        id += 1;
        const event = { ...eventOf(type), id, chatId, userId: about };
        if (concerns(event, userId, joined)) t.ok(ids.includes(id), `${person.name}: ${type}`);
      }
    }
  }
});

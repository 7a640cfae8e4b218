/** Who receives which event: every type, for every kind of reader. */
import t from 'tap';
import type { EventRow } from '../../src/db/unit-of-work.ts';
import { audiences, type EventType } from '../../src/event-log/log.ts';
import { concerns, mayRead } from '../../src/events/audience.ts';

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

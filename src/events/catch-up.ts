import type { Snapshot } from '../db/query/query.ts';
import type { EventRow } from '../db/unit-of-work.ts';
import { audiences, isPersonal } from '../event-log/log.ts';
import { findNewestEvent, findOldestEvent, listEvents } from '../event-log/queries.ts';
import { chatIdsOf, findSharedChat } from '../members/queries.ts';
import { findSessionById } from '../sessions/queries.ts';
import { toFrame } from './payload.ts';
import type { RecentEvents } from './recent.ts';
import { sseFrame } from './sse-frame.ts';

/** A part has so many characters and one event at the most: all requests wait while it is read. */
const chunkLimit = 32 * 1024;

/** A part has so many events at the most. */
const chunkCount = 100;

/** A user who has missed more events than this loads anew, which costs three requests. */
const missedLimit = 1_000;

/** Who reads, and what they have read. */
interface Reader {
  readonly userId: number;
  readonly sessionId: number;
  /** The id of the last event that the reader knows; undefined to begin with now. */
  readonly since: number | undefined;
  /** Whether a part was read already: who reads slowly is waited for, however much more happens. */
  readonly isUnderWay: boolean;
  readonly recent: RecentEvents;
}

/** A part of what a user has missed. */
export interface Chunk {
  /** As it goes into the stream. */
  readonly text: string;
  /** The id of the event that it ends with. */
  readonly upTo: number;
  /** Whether that is the newest event. */
  readonly isLast: boolean;
  /** The chats that the user is in at the moment of the newest event. */
  readonly chatIds: readonly number[];
}

/** The first event of each membership, by chat. */
type Joined = ReadonlyMap<number, number>;

/**
 * Reads the next part of what a user has missed since an event. Where the recent events do not reach
 * back to it, too many of them concern the user, or one of these cannot be told any more, the part is
 * a `reset`.
 *
 * @returns undefined if the session has ended.
 */
export async function catchUp(snapshot: Snapshot, reader: Reader): Promise<Chunk | undefined> {
  const { userId, sessionId } = reader;
  if ((await findSessionById(snapshot, { id: sessionId })) === undefined) return undefined;
  const newest = (await findNewestEvent(snapshot, {}))?.id ?? 0;
  const memberships = await chatIdsOf(snapshot, { userId });
  const joined = new Map(memberships.map(({ chatId, joinedEvent }) => [chatId, joinedEvent]));
  const { text, upTo } = await nextChunk(snapshot, reader, newest, joined);
  return { text, upTo, isLast: upTo === newest, chatIds: [...joined.keys()] };
}

async function nextChunk(
  snapshot: Snapshot,
  { userId, since, isUnderWay, recent }: Reader,
  newest: number,
  joined: Joined,
): Promise<{ text: string; upTo: number }> {
  // An id alone is no event, but the reader resumes from it.
  if (since === undefined) return { text: `id: ${newest}\n\n`, upTo: newest };
  const oldest = (await findOldestEvent(snapshot, {}))?.id ?? 1;
  const isKnown = since >= oldest - 1 && since <= newest && recent.reachesBackTo(since);
  if (!isKnown) return reset(newest);
  const all = await eventsBetween(snapshot, recent, since, newest);
  const missed = all.filter((event) => isFor(event, userId, joined));
  const isTooMuch = missed.length > missedLimit && !isUnderWay;
  if (isTooMuch || missed.some(isUnknown)) return reset(newest);
  return readChunk(snapshot, userId, missed, newest);
}

/** Of a reaction that an older version of the program has logged, nobody knows which one it was. */
function isUnknown({ type, emoji }: EventRow): boolean {
  return type === 'reaction' && emoji === null;
}

function reset(newest: number) {
  return { text: sseFrame('reset', {}, newest), upTo: newest };
}

/** The commits that nobody here was told of yet are in the database alone. */
async function eventsBetween(
  snapshot: Snapshot,
  recent: RecentEvents,
  after: number,
  upTo: number,
): Promise<EventRow[]> {
  const kept = recent.between(after, upTo);
  if (recent.newestId >= upTo) return kept;
  const rest = { after: Math.max(after, recent.newestId), upTo };
  return [...kept, ...(await listEvents(snapshot, rest))];
}

/** Tells again what was missed, up to the newest event or until it is enough for one part. */
async function readChunk(
  snapshot: Snapshot,
  userId: number,
  missed: readonly EventRow[],
  newest: number,
) {
  let text = '';
  for (const [index, event] of missed.entries()) {
    if (await mayKnow(snapshot, event, userId)) text += await toFrame(snapshot, event);
    const isFull = text.length > chunkLimit || index + 1 === chunkCount;
    if (isFull) return { text, upTo: event.id };
  }
  return { text: `${text}id: ${newest}\n\n`, upTo: newest };
}

/** Of a chat, a user is told what came after they last joined it, and that they left it. */
function isFor(event: EventRow, userId: number, joined: Joined): boolean {
  if (isPersonal(event, userId) || audiences[event.type] === 'peers') return true;
  if (event.chatId === null || audiences[event.type] !== 'members') return false;
  const first = joined.get(event.chatId);
  return first !== undefined && event.id >= first;
}

/** Of others, a user is told while they share a chat. */
async function mayKnow(snapshot: Snapshot, event: EventRow, userId: number): Promise<boolean> {
  if (audiences[event.type] !== 'peers' || isPersonal(event, userId)) return true;
  const pair = { one: userId, other: event.userId ?? 0 };
  return (await findSharedChat(snapshot, pair)) !== undefined;
}

import { chatIdsOf } from '../chats/queries.ts';
import type { EventRow } from '../db/commit.ts';
import type { Snapshot } from '../db/query.ts';
import { findSharedChat } from '../members/queries.ts';
import { findSessionById } from '../sessions/queries.ts';
import { textOf } from './describe.ts';
import { frame } from './frame.ts';
import { audiences, isPersonal } from './log.ts';
import { findNewestEvent, findOldestEvent, listEvents } from './queries.ts';

/** So many events are looked at in one read, to keep it short. */
const windowSize = 1_000;

/** A part has so many characters and one event at the most: all requests wait while it is read. */
const partLimit = 32 * 1024;

/** Who reads, and what they have read. */
interface Reader {
  readonly userId: number;
  readonly sessionId: number;
  /** The id of the last event that the reader knows; undefined to begin with now. */
  readonly since: number | undefined;
}

/** A part of what a user has missed. */
export interface Part {
  /** As it goes into the stream. */
  readonly text: string;
  /** The id of the event that it ends with. */
  readonly upTo: number;
  /** Whether that is the newest event. */
  readonly isLast: boolean;
  /** The chats that the user is in at the moment of the newest event. */
  readonly chatIds: readonly number[];
}

/**
 * Reads the next part of what a user has missed since an event; where the log no longer reaches
 * back to it, the part says just that.
 *
 * @returns undefined if the session has ended.
 */
export async function replay(
  snapshot: Snapshot,
  { userId, sessionId, since }: Reader,
): Promise<Part | undefined> {
  if ((await findSessionById(snapshot, { id: sessionId })) === undefined) return undefined;
  const newest = (await findNewestEvent(snapshot, {}))?.id ?? 0;
  const oldest = (await findOldestEvent(snapshot, {}))?.id ?? 1;
  const { text, upTo } = await nextPart(snapshot, { userId, since }, { oldest, newest });
  const chatIds = (await chatIdsOf(snapshot, { userId })).map((chat) => chat.chatId);
  return { text, upTo, isLast: upTo === newest, chatIds };
}

async function nextPart(
  snapshot: Snapshot,
  { userId, since }: Pick<Reader, 'userId' | 'since'>,
  { oldest, newest }: { oldest: number; newest: number },
): Promise<{ text: string; upTo: number }> {
  // An id alone is no event, but the reader resumes from it.
  if (since === undefined) return { text: `id: ${newest}\n\n`, upTo: newest };
  const isKnown = since >= oldest - 1 && since <= newest;
  if (!isKnown) return { text: frame('reset', {}, newest), upTo: newest };
  return retell(snapshot, userId, since, Math.min(since + windowSize, newest));
}

/** Tells again what came after one event, up to another or until it is enough for one part. */
async function retell(snapshot: Snapshot, userId: number, after: number, end: number) {
  let text = '';
  let upTo = after;
  for (const { joinedEvent, ...event } of await listEvents(snapshot, {
    userId,
    after,
    upTo: end,
  })) {
    if (text.length > partLimit) return { text, upTo };
    upTo = event.id;
    if (await isFor(snapshot, event, userId, joinedEvent)) text += await textOf(snapshot, event);
  }
  return { text: `${text}id: ${end}\n\n`, upTo: end };
}

/** Of others, a user is told while they share a chat; of a chat, what came after they last joined it, and that they left it. */
async function isFor(
  snapshot: Snapshot,
  event: EventRow,
  userId: number,
  joinedEvent: number | null,
): Promise<boolean> {
  if (isPersonal(event, userId)) return true;
  if (audiences[event.type] === 'peers') {
    const pair = { one: userId, other: event.userId ?? 0 };
    return (await findSharedChat(snapshot, pair)) !== undefined;
  }
  return audiences[event.type] === 'members' && joinedEvent !== null && event.id >= joinedEvent;
}

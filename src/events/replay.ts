import { chatIdsOf } from '../chats/queries.ts';
import type { EventRow } from '../db/commit.ts';
import type { Snapshot } from '../db/query.ts';
import { describe } from './describe.ts';
import { frame } from './frame.ts';
import { audiences } from './log.ts';
import { findNewestEvent, findOldestEvent, listEvents } from './queries.ts';

/** So many events are looked at in one read, to keep it short. */
const windowSize = 1_000;

/** A part of what a user has missed. */
export interface Part {
  /** As it goes into the stream. */
  readonly text: string;
  /** The id of the event that it ends with. */
  readonly upTo: number;
  /** The chats that the user is in at that moment of the log, if there is no further part. */
  readonly chatIds: readonly number[];
}

/**
 * Reads the next part of what a user has missed since an event; where the log no longer reaches
 * back to it, the part says just that.
 *
 * @param since the id of the last event that the reader knows; undefined to begin with now.
 */
export async function replay(
  snapshot: Snapshot,
  { userId, since }: { userId: number; since: number | undefined },
): Promise<Part> {
  const newest = (await findNewestEvent(snapshot, {}))?.id ?? 0;
  const oldest = (await findOldestEvent(snapshot, {}))?.id ?? 1;
  const chatIds = (await chatIdsOf(snapshot, { userId })).map((chat) => chat.chatId);
  // An id alone is no event, but the reader resumes from it.
  if (since === undefined) return { text: `id: ${newest}\n\n`, upTo: newest, chatIds };
  const isKnown = since >= oldest - 1 && since <= newest;
  if (!isKnown) return { text: frame('reset', {}, newest), upTo: newest, chatIds };
  const upTo = Math.min(since + windowSize, newest);
  return { text: await textOf(snapshot, userId, since, upTo), upTo, chatIds };
}

async function textOf(snapshot: Snapshot, userId: number, after: number, upTo: number) {
  const frames: string[] = [];
  for (const { event, joinedEvent } of await listEvents(snapshot, { userId, after, upTo })) {
    if (!isFor(event, userId, joinedEvent)) continue;
    const data = await describe(snapshot, event);
    if (data !== undefined) frames.push(frame(event.type, data, event.id));
  }
  return `${frames.join('')}id: ${upTo}\n\n`;
}

/** Of a chat, a user is told what came after they last joined it, and that they left it. */
function isFor(event: EventRow, userId: number, joinedEvent: number | null): boolean {
  const audience = audiences[event.type];
  const isOwn = event.userId === userId;
  if (isOwn && (audience === 'user' || event.type === 'member.left')) return true;
  return audience === 'members' && joinedEvent !== null && event.id >= joinedEvent;
}

import { findDirectChat } from '../chats/queries.ts';
import type { Snapshot } from '../db/query/query.ts';
import type { EventRow } from '../db/unit-of-work.ts';
import { findNewestEvent, findOldestEvent, listMissed } from '../event-log/queries.ts';
import { chatIdsOf, findSharedChat } from '../members/queries.ts';
import { findSessionById } from '../sessions/queries.ts';
import { concerns, isAboutUser, type Joined, mayRead, type Reader } from './audience.ts';
import { toFrame } from './payload.ts';
import { sseFrame } from './sse-frame.ts';

/** The most characters of a chunk, plus one event: all requests wait while a chunk is read. */
const chunkLimit = 32 * 1024;

/** The most events of a chunk. */
const chunkCount = 100;

/** The most missed events; beyond that the client reloads everything, which costs 3 requests. */
const missedLimit = 1_000;

/** The most events of the log to search for them: that many take 2 ms. */
const searchedLimit = 10_000;

/** The reader of a stream, and how far it has come. */
interface Resumption {
  readonly userId: number;
  readonly sessionId: number;
  /** The id of the last event that the reader has; undefined to start with the newest. */
  readonly since: number | undefined;
  /** Whether a chunk was sent already: then a slow reader may catch up, however much happens. */
  readonly isUnderWay: boolean;
}

/** A chunk of the events that a user has missed. */
export interface Chunk {
  /** The text for the stream. */
  readonly text: string;
  /** The id of the last event that it covers. */
  readonly upTo: number;
  /** Whether that is the newest event. */
  readonly isLast: boolean;
  /** The user's chats as of the newest event. */
  readonly chatIds: readonly number[];
}

/**
 * Reads the next chunk of what a user has missed since an event. The chunk is a `reset` if that is
 * too many events ago, if too many of these concern the user, or if one of them can no longer be
 * sent.
 *
 * @returns undefined if the session has ended.
 */
export async function catchUp(snapshot: Snapshot, reader: Resumption): Promise<Chunk | undefined> {
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
  { userId, since, isUnderWay }: Resumption,
  newest: number,
  joined: Joined,
): Promise<{ text: string; upTo: number }> {
  // A lone id is no event, but the reader resumes from it.
  if (since === undefined) return { text: `id: ${newest}\n\n`, upTo: newest };
  const oldest = (await findOldestEvent(snapshot, {}))?.id ?? 1;
  const from = Math.max(oldest - 1, newest - searchedLimit);
  if (since < from || since > newest) return reset(newest);
  const range = { userId, after: since, upTo: newest, limit: missedLimit + 1 };
  const found = await listMissed(snapshot, range);
  const last = found.at(missedLimit);
  if (last !== undefined && !isUnderWay) return reset(newest);
  const missed = found.filter((event) => concerns(event, userId, joined));
  if (missed.some(isUnknown)) return reset(newest);
  return readChunk(snapshot, { userId, chats: joined }, missed, last?.id ?? newest);
}

/** An older version of the program logged reactions without their emoji. */
function isUnknown({ type, emoji }: EventRow): boolean {
  return type === 'reaction' && emoji === null;
}

function reset(newest: number) {
  return { text: sseFrame('reset', {}, newest), upTo: newest };
}

/** Formats missed events, up to the end or until the chunk is full. */
async function readChunk(
  snapshot: Snapshot,
  reader: Reader,
  missed: readonly EventRow[],
  end: number,
) {
  let text = '';
  for (const [index, event] of missed.entries()) {
    const sharesChat = isAboutUser(event) && (await sharesChatWith(snapshot, reader, event));
    if (mayRead(event, reader, sharesChat)) text += await toFrame(snapshot, event);
    const isFull = text.length > chunkLimit || index + 1 === chunkCount;
    if (isFull) return { text, upTo: event.id };
  }
  return { text: `${text}id: ${end}\n\n`, upTo: end };
}

/** As `chatsOf` says for a live stream, but without reading all chats of the event's user. */
async function sharesChatWith(
  snapshot: Snapshot,
  { userId: one, chats }: Reader,
  { userId }: EventRow,
): Promise<boolean> {
  const other = userId ?? 0;
  if ((await findSharedChat(snapshot, { one, other })) !== undefined) return true;
  const pair = { low: Math.min(one, other), high: Math.max(one, other) };
  const direct = await findDirectChat(snapshot, pair);
  return direct !== undefined && chats.has(direct.id);
}

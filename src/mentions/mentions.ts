/** Mentions: `@name` in a message mentions a member of the chat. They count until they are read. */

import type { Snapshot } from '../db/query/query.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { appendEvent } from '../event-log/log.ts';
import { listMembersByName } from '../members/queries.ts';
import { canonicalName } from '../users/canonical.ts';
import { chooseMentions, nameCandidates } from './candidates.ts';
import {
  changeMentionCount,
  deleteMention,
  deleteOldestMention,
  insertMention,
  listMentioned,
} from './queries.ts';

/** The maximum number of unread mentions of a member in a chat; the oldest beyond it is deleted. */
export const unreadLimit = 1_000;

interface Message {
  readonly chatId: number;
  readonly id: number;
  readonly senderId: number;
  readonly content: string;
}

/** A member whose name follows an @. */
interface Mentioned {
  readonly userId: number;
  readonly readId: number;
  /** The number of unread messages that mention them. */
  readonly mentions: number;
}

/** Adds the mentions of a new message. Mentions of oneself do not count. */
export async function addMentions(unit: Unit, message: Message): Promise<void> {
  await insertMentions(unit, message, await findMentioned(unit, message));
}

/** Updates the mentions of a message that was edited or (with an empty text) deleted. */
export async function updateMentions(unit: Unit, message: Message): Promise<void> {
  const { chatId, id: messageId } = message;
  const mentioned = await findMentioned(unit, message);
  for (const { userId } of await listMentioned(unit, { chatId, messageId })) {
    if (mentioned.delete(userId)) continue;
    await deleteMention(unit, { chatId, userId, messageId });
    await countMention(unit, { chatId, userId, messageId, by: -1 });
  }
  await insertMentions(unit, message, mentioned);
}

/** Skips members who have read the message already. */
async function insertMentions(
  unit: Unit,
  { chatId, id: messageId }: Message,
  mentioned: ReadonlyMap<number, Mentioned>,
): Promise<void> {
  for (const [userId, { readId, mentions }] of mentioned) {
    if (readId >= messageId) continue;
    // Only the newest stay, which bounds the cost of reading and leaving a chat.
    const isFull = mentions >= unreadLimit;
    if (isFull) await deleteOldestMention(unit, { chatId, userId });
    await insertMention(unit, { chatId, userId, messageId });
    await countMention(unit, { chatId, userId, messageId, by: isFull ? 0 : 1 });
  }
}

async function countMention(
  unit: Unit,
  { messageId, ...change }: { chatId: number; userId: number; messageId: number; by: number },
): Promise<void> {
  await changeMentionCount(unit, change);
  await appendEvent(unit, {
    type: 'mention',
    chatId: change.chatId,
    userId: change.userId,
    messageId,
  });
}

/**
 * The members whose names follow an @, except the sender. One statement looks up all candidates,
 * because a text may have 1,600 of them.
 */
async function findMentioned(
  snapshot: Snapshot,
  message: Message,
): Promise<Map<number, Mentioned>> {
  const { chatId, senderId, content } = message;
  const candidates = nameCandidates(content);
  if (candidates.length === 0) return new Map();
  const keyOf = new Map(
    candidates.flatMap(({ names }) => names.map((name) => [name, canonicalName(name)])),
  );
  const nameKeys = JSON.stringify([...new Set(keyOf.values())]);
  const found = await listMembersByName(snapshot, { chatId, nameKeys });
  const byKey = new Map(found.map(({ nameKey, ...member }) => [nameKey, member]));
  const memberOf = (name: string) => byKey.get(keyOf.get(name) ?? '');
  const mentioned = chooseMentions(candidates, (name) => memberOf(name) !== undefined);
  const members = mentioned.flatMap(({ name }) => memberOf(name) ?? []);
  return new Map(
    members.flatMap((member) => (member.userId === senderId ? [] : [[member.userId, member]])),
  );
}

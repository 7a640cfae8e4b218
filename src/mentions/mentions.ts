/** Mentions: `@name` calls a member of the chat, who is told of it until they have read it. */

import type { Snapshot } from '../db/query/query.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { appendEvent } from '../event-log/log.ts';
import { listMembersByName } from '../members/queries.ts';
import { canonicalName } from '../users/canonical.ts';
import { nameCandidates } from './candidates.ts';
import {
  changeMentionCount,
  deleteMention,
  deleteOldestMention,
  insertMention,
  listMentioned,
} from './queries.ts';

/** At most this many unread messages mention a member of a chat; an older one is forgotten. */
export const unreadLimit = 1_000;

interface Message {
  readonly chatId: number;
  readonly id: number;
  readonly senderId: number;
  readonly content: string;
}

/** A member whose name stands behind an @. */
interface Called {
  readonly userId: number;
  readonly readId: number;
  /** How many unread messages mention them. */
  readonly mentions: number;
}

/** Calls who is called by a new message. Nobody calls themselves. */
export async function addMentions(unit: Unit, message: Message): Promise<void> {
  await callMembers(unit, message, await calledMembers(unit, message));
}

/**
 * Brings who is called by a message in line with its text: after it was edited, or (with an empty
 * text) deleted.
 */
export async function updateMentions(unit: Unit, message: Message): Promise<void> {
  const { chatId, id: messageId } = message;
  const called = await calledMembers(unit, message);
  for (const { userId } of await listMentioned(unit, { chatId, messageId })) {
    if (called.delete(userId)) continue;
    await deleteMention(unit, { chatId, userId, messageId });
    await countMention(unit, { chatId, userId, messageId, by: -1 });
  }
  await callMembers(unit, message, called);
}

/** What was read already calls nobody. */
async function callMembers(
  unit: Unit,
  { chatId, id: messageId }: Message,
  called: ReadonlyMap<number, Called>,
): Promise<void> {
  for (const [userId, { readId, mentions }] of called) {
    if (readId >= messageId) continue;
    // The newest are kept: reading and leaving must not cost more than these.
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
 * The members whose names stand behind an @, but for the sender. One statement looks up all
 * candidates: a text may have 1,600 of them.
 */
async function calledMembers(snapshot: Snapshot, message: Message): Promise<Map<number, Called>> {
  const { chatId, senderId, content } = message;
  const candidates = nameCandidates(content).map(({ names }) => names.map(canonicalName));
  if (candidates.length === 0) return new Map();
  const nameKeys = JSON.stringify([...new Set(candidates.flat())]);
  const found = await listMembersByName(snapshot, { chatId, nameKeys });
  const byName = new Map(found.map(({ nameKey, ...member }) => [nameKey, member]));
  const called = candidates.flatMap((names) => names.find((name) => byName.has(name)) ?? []);
  const members = called.flatMap((name) => byName.get(name) ?? []);
  return new Map(
    members.flatMap((member) => (member.userId === senderId ? [] : [[member.userId, member]])),
  );
}

/** Mentions: `@name` calls a member of the chat, who is told of it until they have read it. */
import type { Unit } from '../db/commit.ts';
import type { Snapshot } from '../db/query.ts';
import { append } from '../events/log.ts';
import { findMemberByName, findMembership } from '../members/queries.ts';
import { canonicalName } from '../users/canonical.ts';
import { nameCandidates } from './candidates.ts';
import { changeMentionCount, deleteMention, insertMention, listMentioned } from './queries.ts';

/** A message can call so many; the text behind the next @ is just a text. */
const mentionLimit = 50;

interface Message {
  readonly chatId: number;
  readonly id: number;
  readonly senderId: number;
  readonly content: string;
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
  called: ReadonlySet<number>,
): Promise<void> {
  for (const userId of called) {
    const membership = await findMembership(unit, { chatId, userId });
    if (membership === undefined || membership.readId >= messageId) continue;
    await insertMention(unit, { chatId, userId, messageId });
    await countMention(unit, { chatId, userId, messageId, by: 1 });
  }
}

async function countMention(
  unit: Unit,
  { messageId, ...change }: { chatId: number; userId: number; messageId: number; by: number },
): Promise<void> {
  await changeMentionCount(unit, change);
  await append(unit, { type: 'mention', chatId: change.chatId, userId: change.userId, messageId });
}

/** The members whose names stand behind an @, but for the sender. */
async function calledMembers(snapshot: Snapshot, message: Message): Promise<Set<number>> {
  const called = new Set<number>();
  for (const candidates of nameCandidates(message.content, mentionLimit)) {
    const userId = await firstMember(snapshot, message.chatId, candidates);
    if (userId !== undefined && userId !== message.senderId) called.add(userId);
  }
  return called;
}

async function firstMember(
  snapshot: Snapshot,
  chatId: number,
  names: readonly string[],
): Promise<number | undefined> {
  for (const name of names) {
    const member = await findMemberByName(snapshot, { chatId, nameKey: canonicalName(name) });
    if (member !== undefined) return member.userId;
  }
  return undefined;
}

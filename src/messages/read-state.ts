/** Read marks: how far a member has read a chat, shared by all their devices. */

import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { appendEvent } from '../event-log/log.ts';
import { authorise, type Key } from '../members/members.ts';
import { findChat } from '../members/queries.ts';
import { deleteMentionsUpTo } from '../mentions/queries.ts';
import { countMessages, updateRead } from './queries.ts';

/*
 * The invariant: a chat's `posted` minus a member's `seen` is the number of its messages that are
 * newer than the member's `readId`. Posting raises `posted`, and so counts for all members at once.
 * Reading adds the messages that were read to `seen`. Deleting raises `seen` of the members who had
 * not read the message, in portions; every read of `seen` includes what these portions have yet to
 * add (db/query/seen.ts).
 */

/** The number of messages that one step counts. */
const step = 1_000;

/**
 * Marks a chat as read by the caller up to a message. The mark only moves forward, so a late
 * request of another device cannot move it back. In a chat with very many messages it moves in
 * portions.
 *
 * @returns whether the mark has not reached the message yet; then call this again.
 * @throws Refusal `no_chat`, `not_member`
 */
export async function markRead(unit: Unit, { id, ...key }: Key & { id: number }): Promise<boolean> {
  const membership = await authorise(unit, key);
  const { posted = 0, lastMessageId } = (await findChat(unit, { id: key.chatId })) ?? {};
  const upTo = Math.min(id, lastMessageId ?? 0);
  if (upTo <= membership.readId) return false;
  // Up to the last message, everything posted is read, so there is nothing to count.
  const isAll = upTo === lastMessageId;
  const { readId, seen } = isAll
    ? { readId: upTo, seen: posted }
    : await countRead(unit, membership, upTo);
  const mentions = membership.mentions - (await deleteMentions(unit, key, readId));
  await updateRead(unit, { ...key, readId, seen, mentions });
  await appendEvent(unit, { type: 'read', ...key, messageId: readId });
  return readId < upTo;
}

/** How far the mark gets in this unit, and the member's `seen` there. */
async function countRead(
  unit: Unit,
  { chatId, ...from }: Key & { readId: number; seen: number },
  upTo: number,
): Promise<{ readId: number; seen: number }> {
  let { readId, seen } = from;
  const isDone = await inSteps(unit, step, async (limit) => {
    const { count, last } = await countMessages(unit, { chatId, after: readId, upTo, limit });
    readId = last ?? readId;
    seen += count;
    return count;
  });
  return { readId: isDone ? upTo : readId, seen };
}

/**
 * Marks a chat as read by a member up to the message that they have just posted.
 *
 * @param posted the chat's count after that message.
 * @param mentions the member's number of unread mentions before that message.
 */
export async function markAllRead(
  unit: Unit,
  { id, posted, mentions, ...key }: Key & { id: number; posted: number; mentions: number },
): Promise<void> {
  if (mentions > 0) await deleteMentions(unit, key, id);
  await updateRead(unit, { ...key, readId: id, seen: posted, mentions: 0 });
}

async function deleteMentions(unit: Unit, key: Key, upTo: number): Promise<number> {
  return (await deleteMentionsUpTo(unit, { ...key, upTo })).length;
}

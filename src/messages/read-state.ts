/** Read marks: how far a member has read, and so what is unread, the same on all their devices. */

import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { appendEvent } from '../event-log/log.ts';
import { authorise, type Key } from '../members/members.ts';
import { findChat } from '../members/queries.ts';
import { deleteMentionsUpTo } from '../mentions/queries.ts';
import { countMessages, updateRead } from './queries.ts';

/*
 * The invariant: a chat's `posted` less a member's `seen` is the number of its messages that are
 * newer than the member's `readId`. Posting raises `posted` and so counts for everybody at once;
 * reading counts what was read; deleting raises `seen` of those who had not read it, in portions:
 * `seen` is always read with what they are yet to add (db/query/seen.ts).
 */

/** How many messages are counted in one step. */
const step = 1_000;

/**
 * Notes that the caller has read a chat up to a message. A mark moves forward only: a device that
 * is late cannot take it back. In a chat of very many messages it moves a portion at a time.
 *
 * @returns whether it is still to be moved on.
 * @throws Refusal `no_chat`, `not_member`
 */
export async function markRead(unit: Unit, { id, ...key }: Key & { id: number }): Promise<boolean> {
  const membership = await authorise(unit, key);
  const { posted = 0, lastMessageId } = (await findChat(unit, { id: key.chatId })) ?? {};
  const upTo = Math.min(id, lastMessageId ?? 0);
  if (upTo <= membership.readId) return false;
  // Up to the last one, all that were posted are read: nothing needs to be counted.
  const isAll = upTo === lastMessageId;
  const { readId, seen } = isAll
    ? { readId: upTo, seen: posted }
    : await countRead(unit, membership, upTo);
  const mentions = membership.mentions - (await forgetMentions(unit, key, readId));
  await updateRead(unit, { ...key, readId, seen, mentions });
  await appendEvent(unit, { type: 'read', ...key, messageId: readId });
  return readId < upTo;
}

/** How far a mark gets in this unit, and what it has seen there. */
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
 * Notes that a member has read all there is, up to the message that they have just posted.
 *
 * @param posted the chat's count after that message.
 * @param mentions how many called the member until then.
 */
export async function markAllRead(
  unit: Unit,
  { id, posted, mentions, ...key }: Key & { id: number; posted: number; mentions: number },
): Promise<void> {
  if (mentions > 0) await forgetMentions(unit, key, id);
  await updateRead(unit, { ...key, readId: id, seen: posted, mentions: 0 });
}

async function forgetMentions(unit: Unit, key: Key, upTo: number): Promise<number> {
  return (await deleteMentionsUpTo(unit, { ...key, upTo })).length;
}

/** Read marks: how far a member has read, and so what is unread, the same on all their devices. */
import { findChat } from '../chats/queries.ts';
import type { Unit } from '../db/commit.ts';
import { append } from '../events/log.ts';
import { authorise, type Key } from '../members/members.ts';
import { deleteMentionsUpTo } from '../mentions/queries.ts';
import { countMessages, updateRead } from './queries.ts';

/*
 * The invariant: a chat's `posted` less a member's `seen` is the number of its messages that are
 * newer than the member's `readId`. Posting raises `posted` and so counts for everybody at once;
 * reading counts what was read; deleting raises `seen` of those who had not read it (forgetUnread).
 */

/**
 * Notes that the caller has read a chat up to a message. A mark moves forward only: a device that
 * is late cannot take it back.
 *
 * @throws Refusal `no_chat`, `not_member`
 */
export async function markRead(unit: Unit, { id, ...key }: Key & { id: number }): Promise<void> {
  const membership = await authorise(unit, key);
  const chat = await findChat(unit, { id: key.chatId });
  const readId = Math.min(id, chat?.lastMessageId ?? 0);
  if (readId <= membership.readId) return;
  const { count } = await countMessages(unit, { ...key, after: membership.readId, upTo: readId });
  const mentions = membership.mentions - (await forgetMentions(unit, key, readId));
  await updateRead(unit, { ...key, readId, seen: membership.seen + count, mentions });
  await append(unit, { type: 'read', ...key, messageId: readId });
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

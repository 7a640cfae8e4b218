/** Reactions: an emoji instead of an answer. Both commands may be repeated without harm. */
import type { Unit } from '../db/commit.ts';
import { Refusal } from '../errors.ts';
import { append } from '../events/log.ts';
import { authorise, type Key } from '../members/members.ts';
import { requireMessage } from '../messages/messages.ts';
import { countEmoji, deleteReaction, insertReaction } from './queries.ts';

/** A message takes so many different emoji. */
const emojiLimit = 50;

/**
 * One emoji that is recommended for general interchange: Unicode Technical Standard 51. The pattern
 * is within the function, because to read it takes 9 ms, which no start needs.
 */
const isEmoji = (text: string) => /^\p{RGI_Emoji}$/v.test(text);

/**
 * Reacts to a message.
 *
 * @throws Refusal `no_chat`, `not_member`, `no_message`, `bad_emoji`, `too_many_emoji`
 */
export async function react(
  unit: Unit,
  { id, emoji, ...key }: Key & { id: number; emoji: string },
): Promise<void> {
  await authorise(unit, key);
  await requireMessage(unit, { chatId: key.chatId, id });
  if (!isEmoji(emoji)) throw new Refusal('bad_emoji');
  const isNew = (await insertReaction(unit, { ...key, messageId: id, emoji })).length > 0;
  if (!isNew) return;
  const { count } = await countEmoji(unit, { chatId: key.chatId, messageId: id });
  if (count > emojiLimit) throw new Refusal('too_many_emoji');
  await append(unit, { type: 'reaction', ...key, messageId: id });
}

/**
 * Takes a reaction back.
 *
 * @throws Refusal `no_chat`, `not_member`, `no_message`
 */
export async function unreact(
  unit: Unit,
  { id, emoji, ...key }: Key & { id: number; emoji: string },
): Promise<void> {
  await authorise(unit, key);
  await requireMessage(unit, { chatId: key.chatId, id });
  const wasThere = (await deleteReaction(unit, { ...key, messageId: id, emoji })).length > 0;
  if (wasThere) await append(unit, { type: 'reaction', ...key, messageId: id });
}

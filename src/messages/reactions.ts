/** Reactions to messages. Both mutations are idempotent. */

import type { Snapshot } from '../db/query/query.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { Refusal } from '../errors.ts';
import { appendEvent } from '../event-log/log.ts';
import { authorise, type Key } from '../members/members.ts';
import { qualifiedEmoji } from './emoji.ts';
import { requireMessage } from './messages.ts';
import {
  countEmoji,
  countOwnReactions,
  deleteReaction,
  dropLastCount,
  insertReaction,
  listReactors,
  lowerCount,
  raiseCount,
} from './reaction-queries.ts';

/** A message has at most this many different emoji. */
const emojiLimit = 50;

/** A user reacts to a message with at most this many emoji. */
const ownLimit = 20;

/**
 * Whether a text is one emoji recommended for general interchange (Unicode Technical Standard 51).
 * The pattern is inside the function because compiling it takes 9 ms, which would slow the start.
 */
const isEmoji = (text: string) => /^\p{RGI_Emoji}$/v.test(text);

/** The user who reacts to a message, and the emoji. */
interface ReactionKey extends Key {
  readonly id: number;
  readonly emoji: string;
}

/** Makes sure that the user may react to the message; returns the reaction as the tables have it. */
async function requireReactable(unit: Unit, { id, emoji, ...key }: ReactionKey) {
  await authorise(unit, key);
  await requireMessage(unit, { chatId: key.chatId, id });
  return { ...key, messageId: id, emoji: qualifiedEmoji(emoji) };
}

/**
 * Reacts to a message.
 *
 * @throws Refusal `no_chat`, `not_member`, `no_message`, `bad_emoji`, `too_many_emoji`,
 *   `too_many_reactions`
 */
export async function react(unit: Unit, key: ReactionKey): Promise<void> {
  const reaction = await requireReactable(unit, key);
  if (!isEmoji(reaction.emoji)) throw new Refusal('bad_emoji');
  const isNew = (await insertReaction(unit, reaction)).length > 0;
  if (!isNew) return;
  await raiseCount(unit, reaction);
  const different = await countEmoji(unit, reaction);
  if (different.count > emojiLimit) throw new Refusal('too_many_emoji');
  const own = await countOwnReactions(unit, reaction);
  if (own.count > ownLimit) throw new Refusal('too_many_reactions');
  await appendEvent(unit, { type: 'reaction', ...reaction });
}

/**
 * Takes a reaction back.
 *
 * @throws Refusal `no_chat`, `not_member`, `no_message`
 */
export async function unreact(unit: Unit, key: ReactionKey): Promise<void> {
  const reaction = await requireReactable(unit, key);
  const wasThere = (await deleteReaction(unit, reaction)).length > 0;
  if (!wasThere) return;
  await dropLastCount(unit, reaction);
  await lowerCount(unit, reaction);
  await appendEvent(unit, { type: 'reaction', ...reaction });
}

/**
 * The users who reacted to a message with an emoji, ordered by id.
 *
 * @param after the id of the last user of the previous page; 0 for the first page.
 * @throws Refusal `no_chat`, `not_member`, `no_message`
 */
export async function readReactors(
  snapshot: Snapshot,
  { id, emoji, after, limit, ...key }: Key & ReactorPage,
) {
  await authorise(snapshot, key);
  await requireMessage(snapshot, { chatId: key.chatId, id });
  const reaction = { chatId: key.chatId, messageId: id, emoji: qualifiedEmoji(emoji) };
  return listReactors(snapshot, { ...reaction, after, limit });
}

interface ReactorPage {
  readonly id: number;
  readonly emoji: string;
  readonly after: number;
  readonly limit: number;
}

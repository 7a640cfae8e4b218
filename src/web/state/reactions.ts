/** Reactions, with oneself among the users even where the server shows only the first of many. */
import type { EventPayloads, Message, OwnReaction } from '../lib/wire.ts';

export type Reaction = NonNullable<Message['reactions']>[number];

/** A list of users is not made longer than the server's own. */
const shownUsers = 10;

/** Users with one more, in the order of their ids, as the server has them. */
function withUser(ids: readonly number[], userId: number): number[] {
  return [...new Set(ids).add(userId)].sort((a, b) => a - b);
}

/** Messages as a page has them, each with one's own reactions. */
export function addOwnReactions(
  messages: readonly Message[],
  own: readonly OwnReaction[],
  userId: number,
): Message[] {
  const isOwn = new Set(own.map(({ id, emoji }) => `${id} ${emoji}`));
  return messages.map((message) => {
    const reactions = message.reactions?.map((reaction) =>
      isOwn.has(`${message.id} ${reaction.emoji}`)
        ? { ...reaction, user_ids: withUser(reaction.user_ids, userId) }
        : reaction,
    );
    return reactions === undefined ? message : { ...message, reactions };
  });
}

/** A message as an event has it, which does not say how oneself reacted, with what was known of that. */
export function keepOwnReactions(message: Message, before: Message, userId: number): Message {
  const own = before.reactions?.filter(({ user_ids: ids }) => ids.includes(userId)) ?? [];
  const known = own.map(({ emoji }) => ({ id: message.id, emoji }));
  return addOwnReactions([message], known, userId)[0] ?? message;
}

/** The reactions to a message after one was given or taken back. */
export function changeReactions(
  reactions: readonly Reaction[],
  { emoji, user_id: userId, added, count }: EventPayloads['reaction'],
  ownId: number,
): Reaction[] {
  const others = reactions.filter((reaction) => reaction.emoji !== emoji);
  if (count === 0) return others;
  const before = reactions.find((reaction) => reaction.emoji === emoji)?.user_ids ?? [];
  const ids = before.filter((id) => id !== userId);
  const isShown = added && (userId === ownId || ids.length < shownUsers);
  const changed = { emoji, count, user_ids: isShown ? withUser(ids, userId) : ids };
  return [...others, changed].sort((a, b) => (a.emoji < b.emoji ? -1 : 1));
}

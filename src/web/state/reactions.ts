/** Reactions. The user is always in the list, although the server sends only the first users. */
import type { EventPayloads, Message, OwnReaction } from '../lib/wire.ts';

export type Reaction = NonNullable<Message['reactions']>[number];

/** The maximum number of users in a list, as on the server. */
const shownUsers = 10;

/** Adds a user to a list, ordered by id like the server's. */
function withUser(ids: readonly number[], userId: number): number[] {
  return [...new Set(ids).add(userId)].sort((a, b) => a - b);
}

/** Adds the user's own reactions to the messages of a page. */
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

/** Adds the user's own reactions to a message from an event, which lacks them. */
export function keepOwnReactions(message: Message, before: Message, userId: number): Message {
  const own = before.reactions?.filter(({ user_ids: ids }) => ids.includes(userId)) ?? [];
  const reactions = own.map(({ emoji }) => ({ id: message.id, emoji }));
  return addOwnReactions([message], reactions, userId)[0] ?? message;
}

/** The reactions to a message after one was added or removed. */
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

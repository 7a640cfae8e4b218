import { isoTime } from '../http/schema.ts';
import type { MessageRow, OwnReaction, ReactionRow } from './messages.ts';

/** A message as in answers and events; optional fields are absent where they do not apply. */
export function messageToWire(message: MessageRow, reactions: readonly ReactionRow[] = []) {
  const { content, id, senderId, createdAt, editedAt, replyTo } = message;
  return {
    content,
    id,
    sender_id: senderId,
    time: isoTime(createdAt),
    ...(editedAt !== null && { edited: isoTime(editedAt) }),
    ...(replyTo !== null && { reply_to: replyTo }),
    ...(reactions.length > 0 && { reactions: reactions.map(reactionToWire) }),
  };
}

/** The number of users who reacted with an emoji, and the ids of the first of them. */
function reactionToWire({ emoji, count, userIds }: ReactionRow) {
  return { emoji, count, user_ids: JSON.parse(userIds) as number[] };
}

/**
 * The caller's reactions that the lists of users do not show, as a field; absent if there are none.
 */
export function ownToWire(own: readonly OwnReaction[]): { own_reactions?: OwnReaction[] } {
  return own.length > 0 ? { own_reactions: [...own] } : {};
}

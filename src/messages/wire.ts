import { isoTime } from '../http/schema.ts';
import type { MessageRow, ReactionRow } from './messages.ts';

/** A message as answers and events show it: what was not used of it is absent. */
export function messageToWire(message: MessageRow, reactions: readonly ReactionRow[] = []) {
  const { content, id, senderId, createdAt, editedAt, replyTo } = message;
  return {
    content,
    id,
    sender_id: senderId,
    time: isoTime(createdAt),
    ...(editedAt !== null && { edited: isoTime(editedAt) }),
    ...(replyTo !== null && { reply_to: replyTo }),
    ...(reactions.length > 0 && { reactions: groupByEmoji(reactions) }),
  };
}

/** Who reacted with which emoji. */
export function groupByEmoji(reactions: readonly ReactionRow[]) {
  return Array.from(
    Map.groupBy(reactions, (reaction) => reaction.emoji),
    ([emoji, rows]) => ({ emoji, user_ids: rows.map((row) => row.userId) }),
  );
}

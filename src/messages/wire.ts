import { isoTime } from '../http/schema.ts';
import type { Json } from '../http/send.ts';
import type { MessageRow, OwnReaction, ReactionRow } from './messages.ts';
import type { Message } from './schema.ts';

/**
 * A message as in answers and events; optional fields are absent where they do not apply. Pages are
 * written with this too: by `JSON.stringify` of objects, reading one would take a third longer.
 */
export function messageToJson(
  { content, id, senderId, createdAt, editedAt, replyTo }: Omit<MessageRow, 'chatId'>,
  reactions: readonly ReactionRow[] = [],
): Json<Message> {
  let json = `{"content":${JSON.stringify(content)},"id":${id},"sender_id":${senderId},"time":"${isoTime(createdAt)}"`;
  if (editedAt !== null) json += `,"edited":"${isoTime(editedAt)}"`;
  if (replyTo !== null) json += `,"reply_to":${replyTo}`;
  if (reactions.length > 0) json += `,"reactions":[${reactions.map(reactionToJson).join()}]`;
  return `${json}}`;
}

/** The number of users who reacted with an emoji, and the ids of the first of them. */
function reactionToJson({ emoji, count, userIds }: ReactionRow): string {
  return `{"emoji":${JSON.stringify(emoji)},"count":${count},"user_ids":${userIds}}`;
}

/** The caller's reactions that the lists of users do not show, as a further field; '' for none. */
export function ownToJson(own: readonly OwnReaction[]): string {
  return own.length > 0 ? `,"own_reactions":${JSON.stringify(own)}` : '';
}

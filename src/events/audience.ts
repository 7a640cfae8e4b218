/**
 * Who receives an event. The event log names the audience of each event type (`audiences`); here it
 * is applied to a reader: `concerns` selects events for one who was away, and `mayRead` decides when
 * an event is sent.
 */
import type { EventRow } from '../db/unit-of-work.ts';
import { audiences } from '../event-log/log.ts';

/** The event by which each membership of a user started, by chat. */
export type Joined = ReadonlyMap<number, number>;

/**
 * Whether an event concerns a user: the user's own events, those about other users, and those of a
 * chat from the user's latest joining on.
 */
export function concerns(event: EventRow, userId: number, joined: Joined): boolean {
  if (isPersonal(event, userId) || isAboutUser(event)) return true;
  if (event.chatId === null || audiences[event.type] !== 'members') return false;
  const first = joined.get(event.chatId);
  return first !== undefined && event.id >= first;
}

/** A user, and the chats that they are in now. */
export interface Reader {
  readonly userId: number;
  readonly chats: { has(chatId: number): boolean };
}

/**
 * Whether a user whom an event concerns may read its text. The text shows the current state, which
 * users who have left the chat since must not see.
 *
 * @param sharesChat whether the reader is in a chat now that shows the name of the event's user.
 */
export function mayRead(event: EventRow, reader: Reader, sharesChat: boolean): boolean {
  if (isPersonal(event, reader.userId)) return true;
  if (isAboutUser(event)) return sharesChat;
  return audiences[event.type] === 'members' && reader.chats.has(event.chatId ?? 0);
}

/** Whether an event goes to everybody who sees its user's name in a chat. */
export function isAboutUser({ type }: EventRow): boolean {
  return audiences[type] === 'peers';
}

/**
 * Whether an event goes to its user's own streams, whatever chats they are in. One who has left a
 * chat receives that event as the last one of the chat.
 */
function isPersonal({ type, userId }: EventRow, reader: number): boolean {
  const isOwn = audiences[type] === 'user' || audiences[type] === 'peers' || type === 'member.left';
  return isOwn && userId === reader;
}

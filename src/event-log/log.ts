import type { EventRow, MessagePayload, Unit } from '../db/unit-of-work.ts';
import { insertEvent } from './queries.ts';

export type EventType = EventRow['type'];

/**
 * The audience of each event type: the members of its chat, its user's own streams, these and
 * everybody who sees the user's name in a chat (`peers`), or nobody. `message` and `chat.created` have
 * the id of the object that they announce.
 */
export const audiences = {
  message: 'members',
  'message.edited': 'members',
  'message.deleted': 'members',
  reaction: 'members',
  // Its creator joins in the next event.
  'chat.created': 'nobody',
  chat: 'members',
  'chat.deleted': 'user',
  'member.joined': 'members',
  'member.changed': 'members',
  'member.left': 'members',
  read: 'user',
  notify: 'user',
  // Only for the cache: a count has changed.
  mention: 'nobody',
  // A user's name or state has changed: one event, however many chats the user is in.
  user: 'peers',
  'session.ended': 'user',
  // The log starts again with this event; see db/admin/restore.ts.
  restored: 'nobody',
  'user.added': 'nobody',
  'user.disabled': 'nobody',
  'user.enabled': 'nobody',
  'user.password_reset': 'nobody',
  'user.made_admin': 'nobody',
  'user.made_plain': 'nobody',
  'user.deleted': 'nobody',
  'invite.made': 'nobody',
} as const satisfies Record<EventType, 'members' | 'user' | 'peers' | 'nobody'>;

/** The types of the events that somebody receives. */
export type SentType = {
  [Type in EventType]: (typeof audiences)[Type] extends 'nobody' ? never : Type;
}[EventType];

/** What happened, by ids: never a text, so that nothing deleted lives on in the log. */
export interface NewEvent {
  readonly type: EventType;
  readonly chatId?: number;
  readonly userId?: number;
  readonly messageId?: number;
  readonly sessionId?: number;
  /** The reaction that was added or removed. */
  readonly emoji?: string;
}

/**
 * Appends an event to the log, in the transaction of the change that it describes.
 *
 * @returns its id, larger than that of every event before it.
 */
export async function appendEvent(unit: Unit, event: NewEvent): Promise<number> {
  const row = {
    type: event.type,
    at: unit.now,
    chatId: event.chatId ?? null,
    userId: event.userId ?? null,
    messageId: event.messageId ?? null,
    sessionId: event.sessionId ?? null,
    emoji: event.emoji ?? null,
  };
  const id = await insertEvent(unit, row);
  unit.events.push({ id, ...row });
  return id;
}

/** Attaches a message to the event that announces it, so that it need not be read again. */
export function attachPayload({ events }: Unit, payload: MessagePayload): void {
  const at = events.findLastIndex((event) => event.id === payload.message.id);
  const event = events[at];
  if (event !== undefined) events[at] = { ...event, payload };
}

import type { Unit } from '../db/commit.ts';
import { appendEvent } from './queries.ts';

export type EventType =
  | 'message'
  | 'message.deleted'
  | 'chat'
  | 'chat.deleted'
  | 'member.joined'
  | 'member.left'
  | 'member.changed'
  | 'user'
  | 'user.deleted'
  | 'session.ended';

/** What happened, by reference: never a text, so that nothing deleted lives on in the log. */
export interface NewEvent {
  readonly type: EventType;
  readonly chatId?: number;
  readonly userId?: number;
  readonly messageId?: number;
  readonly sessionId?: number;
}

/**
 * Appends an event to the log, in the transaction of the change that it tells of.
 *
 * @returns its id, larger than that of every event before it.
 */
export async function append(unit: Unit, event: NewEvent): Promise<number> {
  const row = await appendEvent(unit, {
    type: event.type,
    at: unit.now,
    chatId: event.chatId ?? null,
    userId: event.userId ?? null,
    messageId: event.messageId ?? null,
    sessionId: event.sessionId ?? null,
  });
  unit.events.push(row);
  return row.id;
}

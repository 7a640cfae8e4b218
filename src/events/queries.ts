import { one, type Params } from '../db/query.ts';
import { events } from '../db/tables.ts';

interface EventValues {
  type: string;
  at: number;
  chatId: number | null;
  userId: number | null;
  messageId: number | null;
  sessionId: number | null;
}

export const appendEvent = one((orm, $: Params<EventValues>) =>
  orm
    .insert(events)
    .values({
      type: $.type,
      at: $.at,
      chatId: $.chatId,
      userId: $.userId,
      messageId: $.messageId,
      sessionId: $.sessionId,
    })
    .returning(),
);

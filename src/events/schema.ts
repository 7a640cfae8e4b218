import * as Type from 'typebox';
import { errorMessage } from '../http/schema.ts';

/** An empty value counts as none: some programs send it before the first event. */
const Cursor = Type.String({
  pattern: '^(0|[1-9][0-9]{0,14}|)$',
  examples: ['7'],
  ...errorMessage('Last-Event-ID and since must be the id of an event, in plain digits.'),
});

/** Browsers send the header when they reconnect; `since` is for the first connection. */
export const EventHeaders = Type.Object({ 'last-event-id': Type.Optional(Cursor) });

export const EventQuery = Type.Object({ since: Type.Optional(Cursor) });

/** `text/event-stream`; see sse-frame.ts. */
export const EventStream = Type.String();

import * as Type from 'typebox';
import { errorMessage } from '../http/schema.ts';

/** An empty one is none: programs send it before the first event. */
const Cursor = Type.String({
  pattern: '^(0|[1-9][0-9]{0,14}|)$',
  examples: ['7'],
  ...errorMessage('Last-Event-ID and since must be the id of an event, in plain digits.'),
});

/** Browsers send the header when they connect again; `since` is for the first time. */
export const EventHeaders = Type.Object({ 'last-event-id': Type.Optional(Cursor) });

export const EventQuery = Type.Object({ since: Type.Optional(Cursor) });

/** `text/event-stream`; see frame.ts. */
export const EventStream = Type.String();

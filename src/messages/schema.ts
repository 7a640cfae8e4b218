import { Type } from 'typebox';
import { Id, Time, told, WireId } from '../http/schema.ts';

/** Kept byte for byte; length in code points. */
export const Content = Type.String({
  maxLength: 4000,
  // Something to see in it, and no NUL or halves of a surrogate pair: SQLite would not keep those.
  pattern: '^(?=[^]*[^\\p{C}\\p{Z}\\p{DI}\\u2800])[^\\u0000\\p{Cs}]+$',
  examples: ['Shall we meet at nine?'],
  ...told('The content must have 1 to 4000 characters and not be blank.'),
});

export const NewMessage = Type.Object({ content: Content });

export const MessageQuery = Type.Object({ id: Id('message id') });

export const PageQuery = Type.Object({
  before: Type.Optional(Id('message id in before')),
  after: Type.Optional(Id('message id in after')),
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]?|1[0-9]{2}|200)$',
      examples: ['50'],
      ...told('The limit must be a whole number from 1 to 200.'),
    }),
  ),
});

export const MessagePage = Type.Object({
  messages: Type.Array(
    Type.Object({
      content: Type.String(),
      id: WireId,
      sender_id: WireId,
      time: Time,
    }),
  ),
});

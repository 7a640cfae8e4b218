import type { Static } from 'typebox';
import * as Type from 'typebox';
import { errorMessage, Id, PageLimit, Time, WireId } from '../http/schema.ts';

/** Stored byte for byte; the length is in code points. */
export const Content = Type.String({
  maxLength: 4000,
  // Something visible, and no NUL or lone surrogate: SQLite would not store those unchanged.
  pattern: '^(?=[^]*[^\\p{C}\\p{Z}\\p{DI}\\u2800])[^\\u0000\\p{Cs}]+$',
  examples: ['Shall we meet at nine?'],
  ...errorMessage('The content must have 1 to 4000 characters and must not be blank.'),
});

export const NewMessage = Type.Object({
  content: Content,
  reply_to: Type.Optional(Id('message id in reply_to')),
});

/** https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ */
export const PostHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'The same key within 24 hours returns the first answer again and posts nothing.',
      ...errorMessage('The Idempotency-Key must have 1 to 64 characters.'),
    }),
  ),
});

export const MessageEdit = Type.Object({ content: Content });

export const MessageParams = Type.Object({ chat_id: Id('chat id'), id: Id('message id') });

export const MessageQuery = Type.Object({ id: Id('message id') });

export const ReadMark = Type.Object({ id: Id('message id') });

export const PageQuery = Type.Object(
  {
    before: Type.Optional(Id('message id in before')),
    after: Type.Optional(Id('message id in after')),
    limit: PageLimit,
  },
  {
    not: { required: ['before', 'after'] },
    ...errorMessage('Send before or after, not both.'),
  },
);

export type PageQuery = Static<typeof PageQuery>;

/**
 * The first four fields are the documented ones; each of the others is present where it applies.
 */
export const Message = Type.Object({
  content: Type.String(),
  id: WireId,
  sender_id: WireId,
  time: Time,
  edited: Type.Optional(Time),
  reply_to: Type.Optional(WireId),
  reactions: Type.Optional(
    Type.Array(
      Type.Object({
        emoji: Type.String(),
        count: Type.Integer({ minimum: 1 }),
        user_ids: Type.Array(WireId, { description: 'The first ten of these users.' }),
      }),
    ),
  ),
});

export type Message = Static<typeof Message>;

const OwnReactions = Type.Optional(
  Type.Array(Type.Object({ id: WireId, emoji: Type.String() }), {
    description: 'The caller’s reactions with emoji that more than ten users reacted with.',
  }),
);

export const MessagePage = Type.Object({
  messages: Type.Array(Message),
  own_reactions: OwnReactions,
});

export type MessagePage = Static<typeof MessagePage>;

export const MessageAnswer = Type.Object({ message: Message, own_reactions: OwnReactions });

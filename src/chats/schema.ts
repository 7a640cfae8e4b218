import * as Type from 'typebox';
import { errorMessage, Id, PageLimit, Time, WireId } from '../http/schema.ts';
import { Name } from '../users/schema.ts';

const titleRule = errorMessage(
  'The title must have 1 to 100 visible characters on one line, and must not be blank.',
);

/** A visible character: no control, no line break, nothing that changes the text direction. */
const shown = '[^\\p{Cc}\\p{Cf}\\p{Cs}\\p{DI}\\p{Zl}\\p{Zp}\\u2800]';

/** The joiners of emoji and of Persian and Indian words, allowed only after something to join. */
const joiner = '(?:[\\uFE0E\\uFE0F]?[\\u200C\\u200D]?)';

/**
 * The flag of a part of a country, such as Scotland's, which is spelt with invisible characters.
 */
const flag = '\\u{1F3F4}[\\u{E0061}-\\u{E007A}]{2,6}\\u{E007F}';

export const Title = Type.String({
  maxLength: 100,
  pattern: `^(?=.*[^\\p{C}\\p{Z}\\p{DI}\\u2800])(?:${shown}${joiner}|${flag})+$`,
  examples: ['Sunday hike'],
  ...titleRule,
});

export const ChatQuery = Type.Object({ chat_id: Id('chat id') });

export const ChatPage = Type.Object({
  before: Type.Optional(Id('number in before', { description: 'As `Link` gives it.' })),
  limit: PageLimit,
});

export const TitleChange = Type.Object({ title: Title });

const Who = (what: string) =>
  Type.Enum(['everybody', 'owners'], errorMessage(`Set ${what} to everybody or owners.`));

export const PermissionsChange = Type.Object(
  { rename: Type.Optional(Who('rename')), invite: Type.Optional(Who('invite')) },
  {
    anyOf: [{ required: ['rename'] }, { required: ['invite'] }],
    ...errorMessage('Set rename, invite or both to everybody or owners.'),
  },
);

/** A new chat by its title, or the direct chat with somebody by their name. */
export const NewChat = Type.Object(
  {
    title: Type.Optional(Title),
    open: Type.Optional(
      Type.Literal('1', errorMessage('For a chat that anyone can join, send open=1.')),
    ),
    with: Type.Optional(Name),
  },
  {
    anyOf: [{ required: ['title'] }, { required: ['with'] }],
    allOf: [
      {
        not: { type: 'object', required: ['title', 'with'] },
        ...errorMessage('Send a title or with, not both.'),
      },
    ],
    ...titleRule,
  },
);

/**
 * The first five fields are the documented ones; each of the others is present where it applies.
 */
export const ChatList = Type.Object({
  chats: Type.Array(
    Type.Object({
      id: WireId,
      last_message: Type.Union([Type.String(), Type.Null()]),
      last_message_time: Type.Union([Time, Type.Null()]),
      sender_id: Type.Union([WireId, Type.Null()]),
      title: Type.String(),
      unread: Type.Optional(Type.Integer({ minimum: 1 })),
      read_id: Type.Optional(
        Type.Integer({
          minimum: 0,
          description: 'Present with `unread`: the newest message read.',
        }),
      ),
      mentions: Type.Optional(Type.Integer({ minimum: 1 })),
      notify: Type.Optional(Type.Union([Type.Literal('mentions'), Type.Literal('nothing')])),
      direct: Type.Optional(Type.Literal(true)),
      partner_id: Type.Optional(
        Type.Integer({ minimum: 1, description: 'In a direct chat: the id of the other person.' }),
      ),
      disabled: Type.Optional(
        Type.Literal(true, {
          description: 'In a direct chat: the other person’s account is disabled.',
        }),
      ),
      gone: Type.Optional(
        Type.Literal(true, {
          description: 'In a direct chat: the other person’s account was deleted.',
        }),
      ),
      open: Type.Optional(Type.Literal(true)),
      rename: Type.Optional(Type.Literal('owners')),
      invite: Type.Optional(Type.Literal('owners')),
    }),
  ),
});

export const DirectoryQuery = Type.Object({ before: Type.Optional(Id('chat id in before')) });

export const Directory = Type.Object({
  chats: Type.Array(
    Type.Object({ id: WireId, members: Type.Integer({ minimum: 1 }), title: Type.String() }),
  ),
});

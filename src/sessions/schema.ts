import * as Type from 'typebox';
import { errorMessage, Id, Time, WireId } from '../http/schema.ts';

/** Any text: a value that fits no name or password is simply wrong, and gets the same sentence. */
const Text = (what: string) =>
  Type.String({
    maxLength: 1024,
    pattern: '^[^\\u0000\\p{Cs}]*$',
    ...errorMessage(`Enter your ${what} as text of at most 1024 characters.`),
  });

export const Login = Type.Object({ name: Text('name'), password: Text('password') });

export const SessionAnswer = Type.Object({
  user: Type.Object({
    id: WireId,
    name: Type.String(),
    email: Type.String(),
    role: Type.Union([Type.Literal('admin'), Type.Literal('user')]),
  }),
  session: Type.Object({ id: WireId, created: Time, last_seen: Time }),
});

export const SessionList = Type.Object({
  sessions: Type.Array(
    Type.Object({
      id: WireId,
      created: Time,
      last_seen: Time,
      device: Type.String({ description: 'What the client called itself (User-Agent).' }),
      current: Type.Optional(
        Type.Literal(true, { description: 'On the session of this request.' }),
      ),
    }),
  ),
});

/** The sessions to end: one by its id, or all others. */
export const SessionQuery = Type.Object(
  {
    id: Type.Optional(Id('session id')),
    others: Type.Optional(
      Type.Literal('1', errorMessage('To end all other sessions, send others=1.')),
    ),
  },
  {
    oneOf: [{ required: ['id'] }, { required: ['others'] }],
    ...errorMessage('Send the id of a session, or others=1 for all except this one.'),
  },
);

import type { Static } from 'typebox';
import * as Type from 'typebox';
import { Id, told } from '../http/schema.ts';
import { Code } from '../invites/schema.ts';

/** A visible character: no control, no format, no space, nothing that is left out when drawn. */
const visible = '[^\\p{C}\\p{Z}\\p{DI}\\u2800]';

export const Name = Type.String({
  maxLength: 32,
  pattern: `^${visible}+( ${visible}+)*$`,
  examples: ['alice'],
  ...told('The name must have 1 to 32 visible characters; single spaces may stand between words.'),
});

/** https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address; 254 by RFC 5321. */
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';

export const Email = Type.String({
  maxLength: 254,
  pattern: `^[a-zA-Z0-9.!#$%&'*+/=?^_\`{|}~-]+@${label}(?:\\.${label})*$`,
  examples: ['alice@example.org'],
  ...told('The e-mail address is not valid. Write it like alice@example.org.'),
});

/** Length in code points; never trimmed or cut. */
export const Password = Type.String({
  minLength: 8,
  maxLength: 1024,
  pattern: '^[^\\u0000\\p{Cs}]*$',
  examples: ['correct horse battery'],
  ...told('The password must have 8 to 1024 characters.'),
});

export const UserParams = Type.Object({ user_id: Id('user id') });

/** By name a user is looked up in whatever spelling; what fits no name is nobody's. */
export const UserQuery = Type.Object({
  name: Type.String({
    minLength: 1,
    maxLength: 1024,
    pattern: '^[^\\u0000\\p{Cs}]*$',
    ...told('Give the name of the user in the query: ?name=alice.'),
  }),
});

/** What was printed is typed as people like; the code itself is compared in server/setup.ts. */
const SetupCode = Type.String({
  maxLength: 100,
  pattern: '^[^\\u0000\\p{Cs}]*$',
  examples: ['k7mq-x2wd-9fhn-tb4c'],
  description: 'For the first account of a server, unless it is made on the server’s own machine.',
  ...told('Give the setup code as the server has printed it.'),
});

export const Registration = Type.Object({
  name: Name,
  password: Password,
  email: Email,
  invite: Type.Optional(Code),
  setup: Type.Optional(SetupCode),
});

const CurrentPassword = Type.String({
  maxLength: 1024,
  pattern: '^[^\\u0000\\p{Cs}]*$',
  ...told('Give your current password as well.'),
});

/** Needed in a session whose holder has not given the password for ten minutes. */
const ProofPassword = Type.Optional(CurrentPassword);

export const UserChange = Type.Object(
  { name: Type.Optional(Name), email: Type.Optional(Email), current_password: ProofPassword },
  {
    anyOf: [{ required: ['name'] }, { required: ['email'] }],
    ...told('Give a new name, a new e-mail address, or both.'),
  },
);

export type UserChange = Static<typeof UserChange>;

export const AccountDeletion = Type.Object({ current_password: ProofPassword });

export const PasswordChange = Type.Object({
  current_password: CurrentPassword,
  password: Password,
});

export const UserAnswer = Type.Object({
  user: Type.Object({ name: Type.String(), email: Type.String() }),
});

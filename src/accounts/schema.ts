import type { Static } from 'typebox';
import * as Type from 'typebox';
import { errorMessage } from '../http/schema.ts';
import { Code } from '../invites/schema.ts';
import { Email, Name, Password } from '../users/schema.ts';

/** Users can be looked up by any spelling of their name; what fits no name matches nobody. */
export const UserQuery = Type.Object({
  name: Type.String({
    minLength: 1,
    maxLength: 1024,
    pattern: '^[^\\u0000\\p{Cs}]*$',
    ...errorMessage('Put the name of the user into the query: ?name=alice.'),
  }),
});

/** People may type the printed code in any way; server/setup.ts compares it. */
const SetupCode = Type.String({
  maxLength: 100,
  pattern: '^[^\\u0000\\p{Cs}]*$',
  examples: ['k7mq-x2wd-9fhn-tb4c'],
  description: 'For the first account of a server, unless it is made on the server’s own machine.',
  ...errorMessage('Enter the setup code as the server printed it.'),
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
  ...errorMessage('Enter your current password too.'),
});

/** Needed in a session in which the password was not given in the last 10 min. */
const ProofPassword = Type.Optional(CurrentPassword);

export const UserChange = Type.Object(
  { name: Type.Optional(Name), email: Type.Optional(Email), current_password: ProofPassword },
  {
    anyOf: [{ required: ['name'] }, { required: ['email'] }],
    ...errorMessage('Enter a new name, a new e-mail address, or both.'),
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

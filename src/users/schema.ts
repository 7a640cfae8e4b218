import * as Type from 'typebox';
import { errorMessage, Id } from '../http/schema.ts';

/** A visible character: no control, format or space character, none that is drawn as nothing. */
const visible = '[^\\p{C}\\p{Z}\\p{DI}\\u2800]';

export const Name = Type.String({
  maxLength: 32,
  pattern: `^${visible}+( ${visible}+)*$`,
  examples: ['alice'],
  ...errorMessage(
    'The name must have 1 to 32 visible characters, with single spaces only between words.',
  ),
});

/** https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address; 254 by RFC 5321. */
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';

export const Email = Type.String({
  maxLength: 254,
  pattern: `^[a-zA-Z0-9.!#$%&'*+/=?^_\`{|}~-]+@${label}(?:\\.${label})*$`,
  examples: ['alice@example.org'],
  ...errorMessage('The e-mail address is not valid. Write it like alice@example.org.'),
});

/** The length counts code points; the value is never trimmed or cut. */
export const Password = Type.String({
  minLength: 8,
  maxLength: 1024,
  pattern: '^[^\\u0000\\p{Cs}]*$',
  examples: ['correct horse battery'],
  ...errorMessage('The password must have 8 to 1024 characters.'),
});

export const UserParams = Type.Object({ user_id: Id('user id') });

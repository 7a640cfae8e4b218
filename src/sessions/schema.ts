import { Type } from 'typebox';
import { told } from '../http/schema.ts';

/** Any text: what fits no name or password is simply wrong, and the same sentence says so. */
const Text = (what: string) =>
  Type.String({
    maxLength: 1024,
    pattern: '^[^\\u0000\\p{Cs}]*$',
    ...told(`Give your ${what}, as text of at most 1024 characters.`),
  });

export const Login = Type.Object({ name: Text('name'), password: Text('password') });

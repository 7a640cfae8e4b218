import * as Type from 'typebox';
import { errorMessage, Id, Time, WireId } from '../http/schema.ts';

export const UserListQuery = Type.Object({ after: Type.Optional(Id('user id in after')) });

export const UserList = Type.Object({
  users: Type.Array(
    Type.Object({
      id: WireId,
      name: Type.String(),
      email: Type.String(),
      role: Type.Union([Type.Literal('admin'), Type.Literal('user')]),
      created: Time,
      disabled: Type.Optional(Time),
    }),
  ),
});

export const UserState = Type.Object({
  disabled: Type.Enum(
    ['0', '1'],
    errorMessage('Send disabled=1 to disable the account, or disabled=0 to enable it again.'),
  ),
});

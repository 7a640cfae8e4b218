import * as Type from 'typebox';
import { errorMessage, Id, PageLimit, Time, WireId } from '../http/schema.ts';
import { Name } from '../users/schema.ts';

export const ChatParams = Type.Object({ chat_id: Id('chat id') });

export const MemberParams = Type.Object({ chat_id: Id('chat id'), user_id: Id('user id') });

export const MemberQuery = Type.Object({ user_id: Id('user id') });

export const MemberPage = Type.Object({
  after: Type.Optional(Id('number in after', { description: 'As `Link` gives it.' })),
  limit: PageLimit,
});

export const NewMember = Type.Object({ name: Name });

const Role = Type.Union([Type.Literal('owner'), Type.Literal('member')]);

export const RoleChange = Type.Object({
  role: Type.Enum(['owner', 'member'], errorMessage('The role must be owner or member.')),
});

export const NotifyChange = Type.Object({
  notify: Type.Enum(
    ['all', 'mentions', 'nothing'],
    errorMessage('Set notify to all, mentions or nothing.'),
  ),
});

/** `disabled` is present only if true. */
export const Member = Type.Object({
  id: WireId,
  joined: Time,
  name: Type.String(),
  role: Role,
  disabled: Type.Optional(
    Type.Literal(true, { description: 'The account is disabled: its user cannot sign in.' }),
  ),
});

export const MemberList = Type.Object({ members: Type.Array(Member) });

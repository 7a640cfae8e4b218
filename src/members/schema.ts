import { Type } from 'typebox';
import { Time, WireId } from '../http/schema.ts';
import { Name } from '../users/schema.ts';

export const Role = Type.Union([Type.Literal('owner'), Type.Literal('member')]);

export const NewMember = Type.Object({ name: Name });

export const MemberList = Type.Object({
  members: Type.Array(Type.Object({ id: WireId, joined: Time, name: Type.String(), role: Role })),
});

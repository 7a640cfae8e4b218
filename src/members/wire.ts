import { isoTime } from '../http/schema.ts';

interface MemberRow {
  readonly id: number;
  readonly name: string;
  readonly role: 'owner' | 'member';
  readonly joinedAt: number;
}

/** A member as answers and events show them. */
export function memberToWire({ id, name, role, joinedAt }: MemberRow) {
  return { id, name, role, joined: isoTime(joinedAt) };
}

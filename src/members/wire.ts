import { isoTime } from '../http/schema.ts';
import { disabledToWire } from '../users/wire.ts';

interface MemberRow {
  readonly id: number;
  readonly name: string;
  readonly role: 'owner' | 'member';
  readonly joinedAt: number;
  readonly disabledAt: number | null;
}

/** A member as shown in answers and events. */
export function memberToWire({ id, name, role, joinedAt, disabledAt }: MemberRow) {
  return { id, name, role, joined: isoTime(joinedAt), ...disabledToWire({ disabledAt }) };
}

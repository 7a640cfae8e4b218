import type { Unit } from '../db/commit.ts';
import { insertPending } from './queries.ts';

/** Something deleted of which rows are left; nobody sees it any more. */
export interface Deleted {
  readonly id: number;
  /** Of a message, the chat that it was in; otherwise 0. */
  readonly chatId: number;
}

/** Clears away a portion; returns whether nothing is left. */
export type Clear = (unit: Unit, deleted: Deleted) => Promise<boolean>;

/** Clears away a first portion, which is all of it nearly always, and notes if more is left. */
export async function clearSoon(
  unit: Unit,
  kind: 'account' | 'chat' | 'message',
  deleted: Deleted,
  clear: Clear,
): Promise<void> {
  if (!(await clear(unit, deleted))) await insertPending(unit, { kind, ...deleted });
}

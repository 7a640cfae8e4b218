import type { Unit } from '../db/unit-of-work.ts';
import { deletePending, insertPending } from './queries.ts';

/** Something deleted of which rows are left; nobody sees it any more. */
export interface Deleted {
  readonly id: number;
  /** Of a message, the chat that it was in; otherwise 0. */
  readonly chatId: number;
}

/** What is noted of it. */
export interface Pending extends Deleted {
  readonly kind: 'account' | 'chat' | 'message';
  /** Of a message: up to which member, by when they joined, it is forgotten (unread.ts). */
  readonly done: number;
}

/** Clears away a portion; returns whether nothing is left. */
export type Clear = (unit: Unit, pending: Pending) => Promise<boolean>;

/** Notes that something was deleted, and clears away a first portion, which is all of it nearly always. */
export async function clearSoon(
  unit: Unit,
  kind: Pending['kind'],
  deleted: Deleted,
  clear: Clear,
): Promise<void> {
  const pending = { kind, ...deleted, done: 0 };
  await insertPending(unit, pending);
  await clearPortion(unit, pending, clear);
}

/** Clears away a portion, and the note once nothing is left. */
export async function clearPortion(unit: Unit, pending: Pending, clear: Clear): Promise<void> {
  if (await clear(unit, pending)) await deletePending(unit, pending);
}

import type { Unit } from '../db/unit-of-work.ts';
import { deletePending, insertPending } from './queries.ts';

/** A deleted object of which rows are left; nobody sees it any more. */
export interface Deleted {
  readonly id: number;
  /** The chat of a message; otherwise 0. */
  readonly chatId: number;
}

/** The row that is stored for it. */
export interface Pending extends Deleted {
  readonly kind: 'account' | 'chat' | 'message';
  /** For a message: the event up to which joined members were updated (unread.ts). */
  readonly done: number;
}

/** Deletes a portion; returns whether nothing is left. */
export type Clear = (unit: Unit, pending: Pending) => Promise<boolean>;

/** Stores a pending deletion, and deletes a first portion, which nearly always is everything. */
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

/** Deletes a portion, and the pending deletion once nothing is left. */
export async function clearPortion(unit: Unit, pending: Pending, clear: Clear): Promise<void> {
  if (await clear(unit, pending)) await deletePending(unit, pending);
}

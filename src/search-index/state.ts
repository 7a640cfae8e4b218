/** Which messages the index has, stored in the database. */
import type { Snapshot } from '../db/query/query.ts';
import { deleteState, findState, setState } from '../db/query/server-state.ts';
import { beyondIds } from '../http/schema.ts';

/** Its value is an id: the messages older than this are not indexed yet. */
const rebuild = 'search_rebuild';

/** Its value is an id: the messages newer than this wait to be indexed. */
const indexed = 'search_indexed';

/** Present, with any value, until an empty index has replaced the old one. */
const outdated = 'search_outdated';

/** Marks the whole index as outdated. */
export async function setOutdated(snapshot: Snapshot): Promise<void> {
  await setState(snapshot, { key: rebuild, value: String(beyondIds) });
  await setState(snapshot, { key: outdated, value: 'yes' });
}

/** Whether the old index has not been replaced yet. */
export async function isOutdated(snapshot: Snapshot): Promise<boolean> {
  return (await findState(snapshot, { key: outdated })) !== undefined;
}

/** Records that an empty index has replaced the old one. */
export async function setReplaced(snapshot: Snapshot): Promise<void> {
  await deleteState(snapshot, { key: outdated });
}

/** All messages from this id on are in the index; 0 (all of them) while there is no rebuild. */
export async function indexedFrom(snapshot: Snapshot): Promise<number> {
  return Number((await findState(snapshot, { key: rebuild }))?.value ?? 0);
}

/** Records the id from which on all messages are in the index; 0 for all of them. */
export async function setIndexedFrom(snapshot: Snapshot, id: number): Promise<void> {
  if (id === 0) await deleteState(snapshot, { key: rebuild });
  else await setState(snapshot, { key: rebuild, value: String(id) });
}

/** The id up to which new messages are indexed; later ones wait. */
export async function indexedTo(snapshot: Snapshot): Promise<number> {
  return Number((await findState(snapshot, { key: indexed }))?.value ?? 0);
}

export async function setIndexedTo(snapshot: Snapshot, id: number): Promise<void> {
  await setState(snapshot, { key: indexed, value: String(id) });
}

/** How far a rebuild of the index has come, as the database has it. */
import type { Snapshot } from '../db/query/query.ts';
import { deleteState, findState, setState } from '../db/query/server-state.ts';
import { beyondIds } from '../http/schema.ts';

/** Its value: the messages that are older than this id are still to be indexed. */
const rebuild = 'search_rebuild';

/** There if the index is still to be replaced by an empty one, whatever its value. */
const outdated = 'search_outdated';

/** Notes that nothing in the index counts any more. */
export async function setOutdated(snapshot: Snapshot): Promise<void> {
  await setState(snapshot, { key: rebuild, value: String(beyondIds) });
  await setState(snapshot, { key: outdated, value: 'yes' });
}

/** Whether what is in the index is still that from before. */
export async function isOutdated(snapshot: Snapshot): Promise<boolean> {
  return (await findState(snapshot, { key: outdated })) !== undefined;
}

/** Notes that the index has been replaced. */
export async function setReplaced(snapshot: Snapshot): Promise<void> {
  await deleteState(snapshot, { key: outdated });
}

/** The id from which on all messages are in the index; 0 if all are, as long as nothing is rebuilt. */
export async function indexedFrom(snapshot: Snapshot): Promise<number> {
  return Number((await findState(snapshot, { key: rebuild }))?.value ?? 0);
}

/** Notes from which id on the messages are in the index; 0 if all are. */
export async function setIndexedFrom(snapshot: Snapshot, id: number): Promise<void> {
  if (id === 0) await deleteState(snapshot, { key: rebuild });
  else await setState(snapshot, { key: rebuild, value: String(id) });
}

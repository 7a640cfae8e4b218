import { eq } from 'drizzle-orm';
import { exec, type Params, row } from './query.ts';
import { serverState } from './tables.ts';

/** The value of a fact, or undefined if it was never set. */
export const findState = row((orm, p: Params<{ key: string }>) =>
  orm.select({ value: serverState.value }).from(serverState).where(eq(serverState.key, p.key)),
);

/** Sets a fact, whether or not it was set before. */
export const setState = exec((orm, p: Params<{ key: string; value: string }>) =>
  orm
    .insert(serverState)
    .values({ key: p.key, value: p.value })
    .onConflictDoUpdate({ target: serverState.key, set: { value: p.value } }),
);

export const deleteState = exec((orm, p: Params<{ key: string }>) =>
  orm.delete(serverState).where(eq(serverState.key, p.key)),
);

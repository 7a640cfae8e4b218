import { eq } from 'drizzle-orm';
import { exec, type Params, row } from './query.ts';
import { serverState } from './tables.ts';

/** The value of a fact, or undefined if it was never set. */
export const findState = row((orm, $: Params<{ key: string }>) =>
  orm.select({ value: serverState.value }).from(serverState).where(eq(serverState.key, $.key)),
);

/** Sets a fact, whether it was set before or not. */
export const setState = exec((orm, $: Params<{ key: string; value: string }>) =>
  orm
    .insert(serverState)
    .values({ key: $.key, value: $.value })
    .onConflictDoUpdate({ target: serverState.key, set: { value: $.value } }),
);

export const deleteState = exec((orm, $: Params<{ key: string }>) =>
  orm.delete(serverState).where(eq(serverState.key, $.key)),
);

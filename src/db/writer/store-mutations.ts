/** The commands of the store itself. */
import { sql } from 'drizzle-orm';
import type { Mutation } from '../unit-of-work.ts';

/** Commands by their names, by which they are called from another thread. */
// biome-ignore lint/suspicious/noExplicitAny: each has an input of its own type.
export type Mutations = Readonly<Record<string, Mutation<any, unknown>>>;

/** For the sake of what comes with every batch: what others have committed. */
export const doNothing: Mutation<unknown, void> = async () => undefined;

/** Writes a page as it is, to see whether that can be done. */
export const rewritePage: Mutation<unknown, void> = async ({ orm }) => {
  const { version } = orm.get<{ version: number }>(
    sql`select user_version as version from pragma_user_version`,
  );
  orm.run(sql.raw(`pragma user_version = ${version}`));
};

export const storeMutations: Mutations = { doNothing, rewritePage };

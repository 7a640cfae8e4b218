/** The mutations of the store itself. */
import { sql } from 'drizzle-orm';
import type { Mutation } from '../unit-of-work.ts';

/** Mutations by name: another thread calls them by it. */
// biome-ignore lint/suspicious/noExplicitAny: each has an input of its own type.
export type Mutations = Readonly<Record<string, Mutation<any, unknown>>>;

/** Runs a batch without a change, to learn what others have committed. */
export const doNothing: Mutation<unknown, void> = async () => undefined;

/** Writes a page with its present content, to find out whether writing works. */
export const rewritePage: Mutation<unknown, void> = async ({ orm }) => {
  const { version } = orm.get<{ version: number }>(
    sql`select user_version as version from pragma_user_version`,
  );
  orm.run(sql.raw(`pragma user_version = ${version}`));
};

export const storeMutations: Mutations = { doNothing, rewritePage };

import type { Store } from '../db/store.ts';
import { OperatorError } from '../errors.ts';
import { canonicalName } from '../users/canonical.ts';
import { findUserById, findUserByName } from '../users/queries.ts';
import { readArguments, type Subcommand } from './command.ts';
import { withDatabase } from './database.ts';

const userNote = 'USER is a name or an id; digits alone are an id.';

type User = NonNullable<Awaited<ReturnType<typeof findUser>>>;

/** The options that such commands may have; each takes those in its usage. */
const flags = { generate: false, undo: false, yes: false };

/** A command that acts on one user. */
export function onUser(
  usage: string,
  summary: string,
  act: (db: Store, user: User, options: typeof flags) => Promise<void>,
  details = '',
): Subcommand {
  const options = Object.fromEntries(
    Object.keys(flags)
      .filter((name) => usage.includes(`--${name}`))
      .map((name) => [name, { type: 'boolean' as const }]),
  );
  const run = async (args: readonly string[]) => {
    const { values, positionals } = readArguments(usage, args, options, 1);
    await withDatabase(async (db) => {
      const user = await findUser(db, positionals[0] ?? '');
      await act(db, user, { ...flags, ...values });
    });
  };
  return { usage, summary, details: `${userNote} ${details}`.trim(), run };
}

/** By digits an id is meant, never a name: who calls themselves 7 is not mistaken for user 7. */
async function findUser(db: Store, given: string) {
  const user = await (/^\d{1,15}$/.test(given)
    ? db.read(findUserById, { id: Number(given) })
    : db.read(findUserByName, { nameKey: canonicalName(given) }));
  if (user === undefined) throw new OperatorError(`There is no user ${given}. See: snug user list`);
  return user;
}

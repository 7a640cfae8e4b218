import type { Store } from '../db/store.ts';
import { OperatorError } from '../errors.ts';
import { canonicalName } from '../users/canonical.ts';
import { findUserById, findUserByName } from '../users/queries.ts';
import { readArguments, type Subcommand } from './command.ts';
import { withDatabase } from './database.ts';

const userNote = 'USER is a name or an id; a number is always an id.';

type User = NonNullable<Awaited<ReturnType<typeof findUser>>>;

/** The options of such commands; each command accepts those in its usage. */
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

/** Digits are always an id, never a name: a user who is called 7 is not mistaken for user 7. */
async function findUser(db: Store, given: string) {
  const user = await (/^\d{1,15}$/.test(given)
    ? db.read(findUserById, { id: Number(given) })
    : db.read(findUserByName, { nameKey: canonicalName(given) }));
  if (user === undefined) throw new OperatorError(`There is no user ${given}. See: snug user list`);
  return user;
}

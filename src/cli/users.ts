/** The commands that create and change accounts. */
import {
  addUser,
  deleteAccount,
  resetPassword,
  setAdmin,
  setDisabledByOperator,
} from '../accounts/operator.ts';
import { loadConfig } from '../config.ts';
import { hasDatabase } from '../db/admin/open-for-cli.ts';
import { openStore } from '../db/open.ts';
import { OperatorError } from '../errors.ts';
import { clearAllDeleted } from '../jobs/deletions.ts';
import { checkName } from '../users/naming.ts';
import { Email, Name } from '../users/schema.ts';
import { backfillSkeletons } from '../users/taken-names.ts';
import { readArguments, type Subcommand } from './command.ts';
import { withDatabase } from './database.ts';
import { checkField } from './fields.ts';
import { onUser } from './on-user.ts';
import { ask, choosePassword } from './secrets.ts';

const passwordNote =
  'At a terminal, it asks for the password; otherwise it reads it from standard input. --generate creates one and prints it.';

const add: Subcommand = {
  usage: 'user add NAME --email EMAIL [--admin] [--generate]',
  summary: 'Add a user, whatever REGISTRATION says.',
  details: `${passwordNote} The first user of a server always becomes its admin. Creates the database if there is none.`,
  async run(args) {
    const options = {
      email: { type: 'string' },
      admin: { type: 'boolean', default: false },
      generate: { type: 'boolean', default: false },
    } as const;
    const { values, positionals } = readArguments(add.usage, args, options, 1);
    const { email = '', admin: isAdmin, generate: isGenerated } = values;
    const [name = ''] = positionals;
    checkField(Name, name);
    checkField(Email, email);
    checkName(name);
    await createDatabase();
    await withDatabase(async (db) => {
      const { passwordHash, generated } = await choosePassword({ name, email }, { isGenerated });
      while (await db.write(backfillSkeletons, {}));
      const id = await db.write(addUser, { name, email, passwordHash, isAdmin });
      console.log(`Added ${name}, id ${id}.`);
      printPassword(generated);
    });
  },
};

const disable = onUser(
  'user disable USER',
  'Sign a user out everywhere, keep them out, and end their invites.',
  async (db, { id, name }) => {
    await db.write(setDisabledByOperator, { id, isDisabled: true });
    console.log(`Disabled ${name}, id ${id}.`);
  },
);

const enable = onUser(
  'user enable USER',
  'Let a disabled user sign in again.',
  async (db, user) => {
    await db.write(setDisabledByOperator, { id: user.id, isDisabled: false });
    console.log(`Enabled ${user.name}, id ${user.id}.`);
  },
);

const reset = onUser(
  'user reset-password USER [--generate]',
  'Set a new password and sign the user out everywhere.',
  async (db, user, { generate }) => {
    const { passwordHash, generated } = await choosePassword(user, { isGenerated: generate });
    await db.write(resetPassword, { id: user.id, passwordHash });
    console.log(`Set a new password for ${user.name}, id ${user.id}.`);
    printPassword(generated);
  },
  passwordNote,
);

const makeAdmin = onUser(
  'user make-admin USER [--undo]',
  'Make a user an admin of the server; --undo makes them a normal user again.',
  async (db, { id, name }, { undo }) => {
    await db.write(setAdmin, { id, isAdmin: !undo });
    console.log(`${name}, id ${id}, is ${undo ? 'no longer an admin' : 'now an admin'}.`);
  },
);

const remove = onUser(
  'user delete USER [--yes]',
  'Delete an account permanently; its messages stay.',
  async (db, { id, name }, { yes }) => {
    if (!yes) await confirm(name);
    const { nameHold } = loadConfig();
    await db.write(deleteAccount, { id, nameHold });
    // Deletes the rest here too, in case no server is running that would do it.
    await clearAllDeleted(db);
    console.log(`Deleted ${name}, id ${id}.`);
  },
  'The user leaves all chats, and the name and the e-mail address become free again (the name after NAME_HOLD_DAYS). Without --yes, it asks first.',
);

export const userCommands = {
  'user add': add,
  'user disable': disable,
  'user enable': enable,
  'user reset-password': reset,
  'user make-admin': makeAdmin,
  'user delete': remove,
};

/** Creates the database as a server would at its first start. */
async function createDatabase(): Promise<void> {
  const { databaseFile, mustExist } = loadConfig();
  if (!hasDatabase(databaseFile)) await openStore(databaseFile, { mustExist }).close();
}

function printPassword(generated: string | undefined): void {
  if (generated !== undefined) console.log(`Password: ${generated}`);
}

async function confirm(name: string): Promise<void> {
  if (!process.stdin.isTTY) throw new OperatorError('This cannot be undone. Add --yes to confirm.');
  if ((await ask(`This cannot be undone. Type the name of the user to delete: `)) !== name) {
    throw new OperatorError('The name does not match. Nothing was changed.');
  }
}

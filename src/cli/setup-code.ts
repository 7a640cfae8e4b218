import { OperatorError } from '../errors.ts';
import { ensureSetupCode, newSetupCode, setupAddress } from '../server/setup.ts';
import { readArguments, type Subcommand } from './command.ts';
import { withDatabase } from './database.ts';

export const setupCode: Subcommand = {
  usage: 'setup-code',
  summary: 'Print the address where the first account of a new server is created.',
  details:
    'The address ends with the setup code, which is required unless the account is created on the server’s own machine. Set PUBLIC_URL to print the whole address. Once there is an account, registering no longer makes anybody an admin; see: snug help user make-admin',
  async run(args) {
    readArguments(setupCode.usage, args, {});
    await withDatabase(async (db, { publicUrl }) => {
      const code = await db.write(ensureSetupCode, { code: newSetupCode() });
      if (code === undefined) {
        throw new OperatorError(
          'This server is already set up: it has its first account, so it needs no code.',
        );
      }
      console.log(setupAddress(publicUrl?.origin ?? '', code));
    });
  },
};

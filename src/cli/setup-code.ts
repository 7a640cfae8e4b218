import { OperatorError } from '../errors.ts';
import { ensureSetupCode, newSetupCode, setupAddress } from '../server/setup.ts';
import { readArguments, type Subcommand } from './command.ts';
import { withDatabase } from './database.ts';

export const setupCode: Subcommand = {
  usage: 'setup-code',
  summary: 'Print the address at which the first account of a new server is made.',
  details:
    'It ends with the setup code, which is asked for unless the account is made on the server’s own machine. Set PUBLIC_URL to have the whole address printed. Once there is an account, nobody becomes an admin by registering any more; see: snug help user make-admin',
  async run(args) {
    readArguments(setupCode.usage, args, {});
    await withDatabase(async (db, { publicUrl }) => {
      const code = await db.write(ensureSetupCode, { code: newSetupCode() });
      if (code === undefined) {
        throw new OperatorError(
          'This server is set up: its first account was made. It needs no code.',
        );
      }
      console.log(setupAddress(publicUrl?.origin ?? '', code));
    });
  },
};

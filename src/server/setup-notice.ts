import type { FastifyBaseLogger } from 'fastify';
import type { Store } from '../db/store.ts';
import { Refusal } from '../errors.ts';
import { ensureSetupCode, isSetUp, newSetupCode, setupAddress } from './setup.ts';

/**
 * Says how to create the first account of a new server, in the log and on standard error; says
 * nothing once the server is set up. The setup code stays the same from start to start.
 *
 * @param origin the address of the server, such as `http://127.0.0.1:3000`.
 */
export async function announceSetup(
  db: Store,
  log: FastifyBaseLogger,
  origin: string,
): Promise<void> {
  if (await db.read(isSetUp, {})) return;
  const code = await makeCode(db, log);
  if (code === undefined) return;
  const sentence = `This server has no accounts yet. Create the first one, which will be the admin, at ${setupAddress(origin, code)}`;
  log.warn({ setup_code: code }, sentence);
  process.stderr.write(`${sentence}\n`);
}

/** The server starts even if nothing can be stored: reading still works. */
async function makeCode(db: Store, log: FastifyBaseLogger): Promise<string | undefined> {
  try {
    return await db.write(ensureSetupCode, { code: newSetupCode() });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    log.warn(
      { reason: error.message },
      'cannot store a setup code: free some disk space and restart the server',
    );
    return undefined;
  }
}

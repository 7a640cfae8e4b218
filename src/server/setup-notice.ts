import type { FastifyBaseLogger } from 'fastify';
import type { Store } from '../db/store.ts';
import { Refusal } from '../errors.ts';
import { ensureSetupCode, isSetUp, newSetupCode, setupAddress } from './setup.ts';

/**
 * Says how a new server gets its first account, in the log and on the standard error; nothing once
 * it is set up. The setup code stays the same from start to start.
 *
 * @param origin where the server is reached, like `http://127.0.0.1:3000`.
 */
export async function announceSetup(
  db: Store,
  log: FastifyBaseLogger,
  origin: string,
): Promise<void> {
  if (await db.read(isSetUp, {})) return;
  const code = await makeCode(db, log);
  if (code === undefined) return;
  const sentence = `Nobody has an account here yet. Make the first one, which is the admin’s, at ${setupAddress(origin, code)}`;
  log.warn({ setup_code: code }, sentence);
  process.stderr.write(`${sentence}\n`);
}

/** A start goes on where nothing can be stored: reading is all that such a server can do anyway. */
async function makeCode(db: Store, log: FastifyBaseLogger): Promise<string | undefined> {
  try {
    return await db.write(ensureSetupCode, { code: newSetupCode() });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    log.warn(
      { reason: error.message },
      'no setup code could be made: start again once there is room',
    );
    return undefined;
  }
}

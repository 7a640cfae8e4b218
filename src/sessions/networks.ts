/**
 * Known networks: those from which an account was signed in to. A right password from one of them
 * never counts among strangers, whatever those do.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Snapshot } from '../db/query/query.ts';
import { findState, setState } from '../db/query/server-state.ts';
import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { findUserByName } from '../users/queries.ts';
import {
  dateNetworksBack,
  deleteOldNetworks,
  findNetwork,
  trimNetworks,
  upsertNetwork,
} from './queries.ts';

/** How long a network stays known after the last sign-in from it, in ms. */
const lifetime = 90 * 24 * 3_600_000;

/** The name of the server state that holds the key of the hashes. */
const key = 'network_key';

/** A network as http/address.ts names it: an IPv4 address or an IPv6 /64. */
interface Place {
  readonly network: string;
}

/**
 * The user with a name, and whether the network is known for them. For a name without an account it
 * does the same work, so that the time does not reveal whether a name exists.
 */
export async function readSigner(
  snapshot: Snapshot,
  { nameKey, network, now }: Place & { nameKey: string; now: number },
) {
  const user = await findUserByName(snapshot, { nameKey });
  const userId = user?.id ?? 0;
  const secret = (await findState(snapshot, { key }))?.value ?? '';
  const hash = hashNetwork(secret, userId, network);
  const known = await findNetwork(snapshot, { userId, hash, after: now - lifetime });
  return { user, isKnown: known !== undefined };
}

/** Remembers the network of a sign-in. A user has at most 20 known networks: the newest. */
export async function rememberNetwork(
  unit: Unit,
  { userId, network }: Place & { userId: number },
): Promise<void> {
  const hash = hashNetwork(await ensureSecret(unit), userId, network);
  await upsertNetwork(unit, { userId, hash, now: unit.now });
  await trimNetworks(unit, { userId });
}

/**
 * Deletes the networks that are no longer known.
 *
 * @returns whether there may be more.
 */
export async function clearOldNetworks(unit: Unit): Promise<boolean> {
  const { now } = unit;
  const isDone =
    (await inSteps(unit, step, async (limit) => {
      return (await dateNetworksBack(unit, { now, limit })).length;
    })) &&
    (await inSteps(unit, step, async (limit) => {
      return (await deleteOldNetworks(unit, { until: now - lifetime, limit })).length;
    }));
  return !isDone;
}

/** How many networks one step deletes. */
const step = 100;

async function ensureSecret(unit: Unit): Promise<string> {
  const found = await findState(unit, { key });
  if (found !== undefined) return found.value;
  const value = randomBytes(32).toString('base64url');
  await setState(unit, { key, value });
  return value;
}

/**
 * HMAC-SHA-256, truncated to 128 bits, so that the file lists no addresses. It differs between
 * users, so that the file does not show who lived together either.
 */
function hashNetwork(secret: string, userId: number, network: string): Buffer {
  return createHmac('sha256', secret).update(`${userId} ${network}`).digest().subarray(0, 16);
}

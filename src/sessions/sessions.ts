/** Sessions: proof of a user's identity, for one device and a limited time. */

import { type CachedQuery, dependsOn, notFound } from '../db/cache/cached-query.ts';
import { pageByTime } from '../db/query/paging.ts';
import type { Snapshot } from '../db/query/query.ts';
import { inSteps } from '../db/steps.ts';
import type { Unit } from '../db/unit-of-work.ts';
import { Refusal } from '../errors.ts';
import { appendEvent } from '../event-log/log.ts';
import { beyondIds } from '../http/schema.ts';
import { findUserById, updatePasswordHash } from '../users/queries.ts';
import { rememberNetwork } from './networks.ts';
import {
  dateSessionsBack,
  deleteExpiredSessions,
  deleteSession,
  findNthSession,
  findSessionById,
  findSessionByToken,
  insertSession,
  listSessions,
  listStalest,
  updateLastSeen,
  updateVerifiedAt,
} from './queries.ts';
import { digestToken, hashToken } from './tokens.ts';

const hour = 3_600_000;
const day = 24 * hour;

/** The time without use after which a session ends, in ms. */
export const idleLimit = 30 * day;

/** The age at which a session ends, used or not, in ms. */
export const ageLimit = 180 * day;

/** How long a password that was given counts as recent proof, in ms. */
const proofLifetime = hour / 6;

/** The shortest interval between writes of `last seen`, in ms: reading must not cost a write. */
const lastSeenStep = hour;

/** The session of a request, as its cookies prove it. */
export interface Session {
  readonly id: number;
  readonly userId: number;
}

/** A session with its times, in ms since 1970. */
export interface LiveSession extends Session {
  /** When it expires if it is not used again. */
  readonly endsAt: number;
  /** When its use is due to be recorded again. */
  readonly dueAt: number;
}

export interface NewSession {
  readonly tokenHash: Buffer;
  /** The client's name for itself, for the user's own list of sessions. */
  readonly device: string;
  /** The network that the request comes from, as http/address.ts names it. */
  readonly network: string;
  /** The hash of the token that the request brought; the new session replaces that session. */
  readonly broughtToken?: Buffer;
}

/** The session of a token, if there is one; it may have expired. */
export const sessionOfToken: CachedQuery<{ token: string }, LiveSession | undefined> = {
  key: ({ token }) => digestToken(token),
  read: async (snapshot, { token }) => {
    const row = await findSessionByToken(snapshot, { tokenHash: hashToken(token) });
    if (row === undefined) return notFound;
    const { id, userId, lastSeenAt } = row;
    const value = { id, userId, endsAt: endOf(row), dueAt: lastSeenAt + lastSeenStep };
    return { value, invalidatedBy: dependsOn(['session.ended'], { sessionId: id }), bytes: 200 };
  },
};

/** When a session expires if it is not used again, in ms since 1970; 0 if it has ended. */
export async function readSessionEnd(snapshot: Snapshot, { id }: { id: number }): Promise<number> {
  const session = await findSessionById(snapshot, { id });
  return session === undefined ? 0 : endOf(session);
}

function endOf({ createdAt, lastSeenAt }: { createdAt: number; lastSeenAt: number }): number {
  return Math.min(lastSeenAt + idleLimit, createdAt + ageLimit);
}

/**
 * Signs in a user whose password was right, and ends the session that the request brought.
 *
 * @param verifiedHash the hash that the password was checked against, outside this unit of work: if
 * it is no longer the user's, the password was changed in the meantime and proves nothing.
 * @param quota the most sessions; beyond it, the least recently used ones end, so that a sign-in is
 * never refused for it.
 * @param newHash the same password hashed with today's cost, if that has risen.
 * @throws Refusal `wrong_password`, `account_disabled`
 */
export async function signIn(
  unit: Unit,
  input: NewSession & {
    userId: number;
    verifiedHash: string;
    newHash?: string;
    quota: number;
  },
): Promise<void> {
  const user = await findUserById(unit, { id: input.userId });
  if (user?.passwordHash !== input.verifiedHash) throw new Refusal('wrong_password');
  if (user.disabledAt !== null) throw new Refusal('account_disabled');
  if (input.newHash !== undefined) {
    await updatePasswordHash(unit, { id: user.id, passwordHash: input.newHash });
  }
  await startSession(unit, input);
  await endSurplus(unit, input);
}

/**
 * Deletes expired sessions. A session that was created while the clock was ahead is dated back to
 * now: otherwise it would last until long after that time.
 *
 * @returns whether there may be more.
 */
export async function clearExpiredSessions(unit: Unit): Promise<boolean> {
  const { now } = unit;
  const expired = { seenBefore: now - idleLimit, createdBefore: now - ageLimit };
  const isDone =
    (await inSteps(unit, step, async (limit) => {
      return (await dateSessionsBack(unit, { now, limit })).length;
    })) &&
    (await inSteps(unit, step, async (limit) => {
      return (await deleteExpiredSessions(unit, { ...expired, limit })).length;
    }));
  return !isDone;
}

/** How many sessions one step deletes. */
const step = 100;

/**
 * Starts a session after a right password; it replaces the one that the request brought. The
 * client's network is known from now on.
 */
export async function startSession(
  unit: Unit,
  { userId, tokenHash, device, network, broughtToken }: NewSession & { userId: number },
): Promise<void> {
  await rememberNetwork(unit, { userId, network });
  if (broughtToken !== undefined) await replaceSession(unit, broughtToken);
  await insertSession(unit, { userId, tokenHash, device, now: unit.now });
}

/** Ends a session; if it has ended already, that is no error. */
export async function endSession(unit: Unit, { id, userId }: Session): Promise<void> {
  await deleteSession(unit, { id });
  await appendEvent(unit, { type: 'session.ended', userId, sessionId: id });
}

/** The user of a session, and the session itself, as its user sees them. */
export async function readSession(snapshot: Snapshot, { id, userId }: Session) {
  const user = await findUserById(snapshot, { id: userId });
  const session = await findSessionById(snapshot, { id });
  if (user === undefined || session === undefined) throw new Refusal('signed_out');
  return { user, session };
}

/**
 * A page of a user's live sessions, the most recently used first.
 *
 * @param before only those that were last used before this time, in ms since 1970.
 */
export async function readSessions(
  snapshot: Snapshot,
  { userId, now, ...page }: { userId: number; now: number; before: number; limit: number },
) {
  const createdAfter = now - ageLimit;
  const idleSince = now - idleLimit;
  return pageByTime(page, {
    timeOf: async (before, skipped) => {
      const limits = { seenAfter: idleSince, createdAfter, before, skipped };
      return (await findNthSession(snapshot, { userId, ...limits }))?.at;
    },
    list: (from, before) => {
      const seenAfter = Math.max(idleSince, from - 1);
      return listSessions(snapshot, { userId, seenAfter, createdAfter, before });
    },
  });
}

/**
 * Ends one of the caller's own sessions.
 *
 * @throws Refusal `no_session`, also for another user's session.
 */
export async function endOwnSession(unit: Unit, { id, userId }: Session): Promise<void> {
  const session = await findSessionById(unit, { id });
  const isOwn = session?.userId === userId && endOf(session) > unit.now;
  if (!isOwn) throw new Refusal('no_session');
  await endSession(unit, { id, userId });
}

/** Ends all sessions of a user except `except`, if given. */
export async function endSessions(
  unit: Unit,
  { userId, except }: { userId: number; except?: number },
): Promise<void> {
  const all = await listSessions(unit, {
    userId,
    seenAfter: 0,
    createdAfter: 0,
    before: beyondIds,
  });
  for (const { id } of all) if (id !== except) await endSession(unit, { id, userId });
}

/** The most sessions that end at one sign-in; there are more only after the quota was lowered. */
const surplusPortion = 100;

async function endSurplus(
  unit: Unit,
  { userId, quota }: { userId: number; quota: number },
): Promise<void> {
  if (quota === Number.POSITIVE_INFINITY) return;
  const surplus = await listStalest(unit, { userId, skipped: quota, limit: surplusPortion });
  for (const { id } of surplus) await endSession(unit, { id, userId });
}

/** Ends the session that the new one replaces, if the token has one. */
async function replaceSession(unit: Unit, tokenHash: Buffer): Promise<void> {
  const session = await findSessionByToken(unit, { tokenHash });
  if (session !== undefined) await endSession(unit, session);
}

/**
 * Makes sure that the user of a session has given their password recently. A time in the future,
 * left by a clock that was ahead, counts as long ago.
 *
 * @throws Refusal `password_needed`; `signed_out` if the session has ended in the meantime.
 */
export async function requireRecentProof(unit: Unit, { id }: { id: number }): Promise<void> {
  const session = await findSessionById(unit, { id });
  if (session === undefined) throw new Refusal('signed_out');
  const age = unit.now - session.verifiedAt;
  if (age < 0 || age > proofLifetime) throw new Refusal('password_needed');
}

/** Records that the user of a session has given their password. */
export async function noteProof(unit: Unit, { id }: { id: number }): Promise<void> {
  await updateVerifiedAt(unit, { id, now: unit.now });
}

/** Records that a session is in use, and that its network is still known. */
export async function touchSession(
  unit: Unit,
  { id, userId, network }: Session & { network: string },
): Promise<void> {
  if ((await findSessionById(unit, { id })) === undefined) return;
  await rememberNetwork(unit, { userId, network });
  await updateLastSeen(unit, { id, now: unit.now, before: unit.now - lastSeenStep });
}

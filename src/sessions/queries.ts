import { and, desc, eq, gt, inArray, lt, lte, or, sql } from 'drizzle-orm';
import { exec, one, type Params, row, rows } from '../db/query/query.ts';
import { knownNetworks, sessions } from '../db/query/tables.ts';

/** A live session was last seen and created after these times, in ms since 1970. */
interface Limits {
  seenAfter: number;
  createdAfter: number;
}

const isAlive = (p: Params<Limits>) =>
  and(gt(sessions.lastSeenAt, p.seenAfter), gt(sessions.createdAt, p.createdAfter));

const session = {
  id: sessions.id,
  userId: sessions.userId,
  createdAt: sessions.createdAt,
  lastSeenAt: sessions.lastSeenAt,
  verifiedAt: sessions.verifiedAt,
};

export const insertSession = one(
  (orm, p: Params<{ userId: number; tokenHash: Buffer; device: string; now: number }>) =>
    orm
      .insert(sessions)
      .values({
        userId: p.userId,
        tokenHash: p.tokenHash,
        device: p.device,
        createdAt: p.now,
        lastSeenAt: p.now,
        verifiedAt: p.now,
      })
      .returning({ id: sessions.id }),
);

/** Does nothing if it was updated after `before`, as when several requests find it due at once. */
export const updateLastSeen = exec((orm, p: Params<{ id: number; now: number; before: number }>) =>
  orm
    .update(sessions)
    .set({ lastSeenAt: p.now })
    .where(and(eq(sessions.id, p.id), lte(sessions.lastSeenAt, p.before))),
);

export const updateVerifiedAt = exec((orm, p: Params<{ id: number; now: number }>) =>
  orm.update(sessions).set({ verifiedAt: p.now }).where(eq(sessions.id, p.id)),
);

export const findSessionByToken = row((orm, p: Params<{ tokenHash: Buffer }>) =>
  orm.select(session).from(sessions).where(eq(sessions.tokenHash, p.tokenHash)),
);

/** A user's live sessions that were last used before a time, the most recently used first. */
export const listSessions = rows((orm, p: Params<Limits & { userId: number; before: number }>) =>
  orm
    .select({ ...session, device: sessions.device })
    .from(sessions)
    .where(and(eq(sessions.userId, p.userId), lt(sessions.lastSeenAt, p.before), isAlive(p)))
    .orderBy(desc(sessions.lastSeenAt)),
);

/** The time of last use of the session that follows `skipped` others in that order. */
export const findNthSession = row(
  (orm, p: Params<Limits & { userId: number; before: number; skipped: number }>) =>
    orm
      .select({ at: sessions.lastSeenAt })
      .from(sessions)
      .where(and(eq(sessions.userId, p.userId), lt(sessions.lastSeenAt, p.before), isAlive(p)))
      .orderBy(desc(sessions.lastSeenAt))
      .limit(1)
      .offset(p.skipped),
);

/** A user's sessions beyond the `skipped` most recently used ones; of equals, the newest first. */
export const listStalest = rows(
  (orm, p: Params<{ userId: number; skipped: number; limit: number }>) =>
    orm
      .select({ id: sessions.id })
      .from(sessions)
      .where(eq(sessions.userId, p.userId))
      .orderBy(desc(sessions.lastSeenAt), desc(sessions.id))
      .limit(p.limit)
      .offset(p.skipped),
);

export const findSessionById = row((orm, p: Params<{ id: number }>) =>
  orm.select(session).from(sessions).where(eq(sessions.id, p.id)),
);

export const deleteSession = exec((orm, p: Params<{ id: number }>) =>
  orm.delete(sessions).where(eq(sessions.id, p.id)),
);

/** Deletes some of the sessions that were seen or created too long ago; returns a row for each. */
export const deleteExpiredSessions = rows(
  (orm, p: Params<{ seenBefore: number; createdBefore: number; limit: number }>) => {
    const isOver = or(
      lte(sessions.lastSeenAt, p.seenBefore),
      lte(sessions.createdAt, p.createdBefore),
    );
    const some = orm.select({ id: sessions.id }).from(sessions).where(isOver).limit(p.limit);
    return orm
      .delete(sessions)
      .where(sql`${sessions.id} in ${some}`)
      .returning({ id: sessions.id });
  },
);

/** Sets some session times that lie in the future to now; returns a row for each session. */
export const dateSessionsBack = rows((orm, p: Params<{ now: number; limit: number }>) => {
  const isAhead = or(gt(sessions.createdAt, p.now), gt(sessions.lastSeenAt, p.now));
  const some = orm.select({ id: sessions.id }).from(sessions).where(isAhead).limit(p.limit);
  return orm
    .update(sessions)
    .set({
      createdAt: sql`min(${sessions.createdAt}, ${p.now})`,
      lastSeenAt: sql`min(${sessions.lastSeenAt}, ${p.now})`,
    })
    .where(sql`${sessions.id} in ${some}`)
    .returning({ id: sessions.id });
});

export const findNetwork = row((orm, p: Params<{ userId: number; hash: Buffer; after: number }>) =>
  orm
    .select({ seenAt: knownNetworks.seenAt })
    .from(knownNetworks)
    .where(
      and(
        eq(knownNetworks.userId, p.userId),
        eq(knownNetworks.hash, p.hash),
        gt(knownNetworks.seenAt, p.after),
      ),
    ),
);

export const upsertNetwork = exec((orm, p: Params<{ userId: number; hash: Buffer; now: number }>) =>
  orm
    .insert(knownNetworks)
    .values({ userId: p.userId, hash: p.hash, seenAt: p.now })
    .onConflictDoUpdate({
      target: [knownNetworks.userId, knownNetworks.hash],
      set: { seenAt: p.now },
    }),
);

/** The known networks of a user, and the most surplus ones deleted at once. */
const networkLimit = 20;
const excess = 1_000;

/** Deletes a user's networks beyond the 20 newest. */
export const trimNetworks = exec((orm, p: Params<{ userId: number }>) => {
  const old = orm
    .select({ hash: knownNetworks.hash })
    .from(knownNetworks)
    .where(eq(knownNetworks.userId, p.userId))
    .orderBy(desc(knownNetworks.seenAt))
    .limit(excess)
    .offset(networkLimit);
  return orm
    .delete(knownNetworks)
    .where(and(eq(knownNetworks.userId, p.userId), inArray(knownNetworks.hash, old)));
});

/** Deletes some networks that were not seen since a time; returns a row for each. */
export const deleteOldNetworks = rows((orm, p: Params<{ until: number; limit: number }>) => {
  const some = orm
    .select({ userId: knownNetworks.userId, hash: knownNetworks.hash })
    .from(knownNetworks)
    .where(lte(knownNetworks.seenAt, p.until))
    .limit(p.limit);
  return orm
    .delete(knownNetworks)
    .where(sql`(${knownNetworks.userId}, ${knownNetworks.hash}) in ${some}`)
    .returning({ userId: knownNetworks.userId });
});

/** Sets some network times that lie in the future to now; returns a row for each. */
export const dateNetworksBack = rows((orm, p: Params<{ now: number; limit: number }>) => {
  const some = orm
    .select({ userId: knownNetworks.userId, hash: knownNetworks.hash })
    .from(knownNetworks)
    .where(gt(knownNetworks.seenAt, p.now))
    .limit(p.limit);
  return orm
    .update(knownNetworks)
    .set({ seenAt: p.now })
    .where(sql`(${knownNetworks.userId}, ${knownNetworks.hash}) in ${some}`)
    .returning({ userId: knownNetworks.userId });
});

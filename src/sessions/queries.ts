import { and, desc, eq, gt, inArray, lt, lte, or, sql } from 'drizzle-orm';
import { exec, one, type Params, row, rows } from '../db/query/query.ts';
import { knownNetworks, sessions } from '../db/query/tables.ts';

/** A session lives if it was seen and made after these times, in ms since 1970. */
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

/** Does nothing if it was done since `before`, as when several requests find it due at once. */
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

/** A user's living sessions that were last used before a time, the one used last first. */
export const listSessions = rows((orm, p: Params<Limits & { userId: number; before: number }>) =>
  orm
    .select({ ...session, device: sessions.device })
    .from(sessions)
    .where(and(eq(sessions.userId, p.userId), lt(sessions.lastSeenAt, p.before), isAlive(p)))
    .orderBy(desc(sessions.lastSeenAt)),
);

/** When such a session was last used, after as many others. */
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

/** A user's sessions beyond so many that were used later, or made later where that is the same. */
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

/** Deletes some of the sessions that were seen or made too long ago; returns a row for each. */
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

/** Dates some of what is dated later than now as of now; returns a row for each. */
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

/** How many networks of a user are kept, and how many more there may be by mistake. */
const networkLimit = 20;
const excess = 1_000;

/** Deletes the oldest networks of a user, beyond the 20 newest. */
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

/** Deletes so many of the networks that were not seen since a time. */
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

/** Dates so many of those that are dated later than now as of now. */
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

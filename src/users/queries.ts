import { and, asc, eq, gt, isNull, lte, ne, or, sql } from 'drizzle-orm';
import { exec, isAmong, one, type Params, row, rows } from '../db/query/query.ts';
import { nameSkeletons, users } from '../db/query/tables.ts';

export const findUserById = row((orm, p: Params<{ id: number }>) =>
  orm.select().from(users).where(eq(users.id, p.id)),
);

export const findUserByName = row((orm, p: Params<{ nameKey: string }>) =>
  orm.select().from(users).where(eq(users.nameKey, p.nameKey)),
);

export const findUserByEmail = row((orm, p: Params<{ emailKey: string }>) =>
  orm.select({ id: users.id }).from(users).where(eq(users.emailKey, p.emailKey)),
);

/** The names of those of these users who exist, in no particular order. */
export const listNames = rows((orm, p: Params<{ ids: string }>) =>
  orm
    .select({ id: users.id, name: users.name, disabledAt: users.disabledAt })
    .from(users)
    .where(isAmong(users.id, p.ids)),
);

export const findAnyUser = row((orm, _: Params<Record<never, never>>) =>
  orm.select({ id: users.id }).from(users).limit(1),
);

interface UserValues {
  name: string;
  nameKey: string;
  email: string;
  emailKey: string;
}

export const insertUser = one(
  (
    orm,
    p: Params<UserValues & { passwordHash: string; role: 'admin' | 'user'; createdAt: number }>,
  ) =>
    orm
      .insert(users)
      .values({
        name: p.name,
        nameKey: p.nameKey,
        email: p.email,
        emailKey: p.emailKey,
        passwordHash: p.passwordHash,
        role: p.role,
        createdAt: p.createdAt,
      })
      .returning({ id: users.id }),
);

export const updateUser = exec((orm, p: Params<UserValues & { id: number }>) =>
  orm
    .update(users)
    .set({ name: p.name, nameKey: p.nameKey, email: p.email, emailKey: p.emailKey })
    .where(eq(users.id, p.id)),
);

export const updatePasswordHash = exec((orm, p: Params<{ id: number; passwordHash: string }>) =>
  orm.update(users).set({ passwordHash: p.passwordHash }).where(eq(users.id, p.id)),
);

export const updateDisabled = exec((orm, p: Params<{ id: number; disabledAt: number | null }>) =>
  orm.update(users).set({ disabledAt: p.disabledAt }).where(eq(users.id, p.id)),
);

export const updateServerRole = exec((orm, p: Params<{ id: number; role: 'admin' | 'user' }>) =>
  orm.update(users).set({ role: p.role }).where(eq(users.id, p.id)),
);

/** All users after an id, in the order of their ids. */
export const listUsers = rows((orm, p: Params<{ after: number; limit: number }>) =>
  orm
    .select({
      id: users.id,
      name: users.name,
      email: users.email,
      role: users.role,
      createdAt: users.createdAt,
      disabledAt: users.disabledAt,
    })
    .from(users)
    .where(gt(users.id, p.after))
    .orderBy(asc(users.id))
    .limit(p.limit),
);

export const deleteUserRow = exec((orm, p: Params<{ id: number }>) =>
  orm.delete(users).where(eq(users.id, p.id)),
);

/** Another user whose name looks like one of these, in use or still reserved. */
export const findLookAlike = row(
  (orm, p: Params<{ skeletons: string; except: number; now: number }>) =>
    orm
      .select({ userId: nameSkeletons.userId })
      .from(nameSkeletons)
      .where(
        and(
          isAmong(nameSkeletons.skeleton, p.skeletons),
          ne(nameSkeletons.userId, p.except),
          or(isNull(nameSkeletons.heldUntil), gt(nameSkeletons.heldUntil, p.now)),
        ),
      )
      .limit(1),
);

/** Stores a skeleton of a user's name; one that was reserved for them is in use again. */
export const insertSkeleton = exec((orm, p: Params<{ skeleton: string; userId: number }>) =>
  orm
    .insert(nameSkeletons)
    .values({ skeleton: p.skeleton, userId: p.userId })
    .onConflictDoUpdate({
      target: [nameSkeletons.skeleton, nameSkeletons.userId],
      set: { heldUntil: null },
    }),
);

export const deleteSkeletons = exec((orm, p: Params<{ userId: number }>) =>
  orm
    .delete(nameSkeletons)
    .where(and(eq(nameSkeletons.userId, p.userId), isNull(nameSkeletons.heldUntil))),
);

/** Reserves a name that a user has given up. */
export const holdSkeletons = exec((orm, p: Params<{ userId: number; heldUntil: number }>) =>
  orm
    .update(nameSkeletons)
    .set({ heldUntil: p.heldUntil })
    .where(and(eq(nameSkeletons.userId, p.userId), isNull(nameSkeletons.heldUntil))),
);

/** Deletes some skeletons whose reservation has ended; returns a row for each. */
export const deleteHeldSkeletons = rows((orm, p: Params<{ now: number; limit: number }>) => {
  const { skeleton, userId, heldUntil } = nameSkeletons;
  const some = orm
    .select({ skeleton, userId })
    .from(nameSkeletons)
    .where(lte(heldUntil, p.now))
    .limit(p.limit);
  return orm
    .delete(nameSkeletons)
    .where(sql`(${skeleton}, ${userId}) in ${some}`)
    .returning({ userId });
});

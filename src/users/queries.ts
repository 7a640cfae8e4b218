import { and, asc, eq, gt, isNull, lte, ne, or, sql } from 'drizzle-orm';
import { exec, isAmong, one, type Params, row, rows } from '../db/query/query.ts';
import { nameSkeletons, users } from '../db/query/tables.ts';

export const findUserById = row((orm, $: Params<{ id: number }>) =>
  orm.select().from(users).where(eq(users.id, $.id)),
);

export const findUserByName = row((orm, $: Params<{ nameKey: string }>) =>
  orm.select().from(users).where(eq(users.nameKey, $.nameKey)),
);

export const findUserByEmail = row((orm, $: Params<{ emailKey: string }>) =>
  orm.select({ id: users.id }).from(users).where(eq(users.emailKey, $.emailKey)),
);

/** The names of those of some users who are there, without an order. */
export const listNames = rows((orm, $: Params<{ ids: string }>) =>
  orm
    .select({ id: users.id, name: users.name, disabledAt: users.disabledAt })
    .from(users)
    .where(isAmong(users.id, $.ids)),
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
    $: Params<UserValues & { passwordHash: string; role: 'admin' | 'user'; createdAt: number }>,
  ) =>
    orm
      .insert(users)
      .values({
        name: $.name,
        nameKey: $.nameKey,
        email: $.email,
        emailKey: $.emailKey,
        passwordHash: $.passwordHash,
        role: $.role,
        createdAt: $.createdAt,
      })
      .returning({ id: users.id }),
);

export const updateUser = exec((orm, $: Params<UserValues & { id: number }>) =>
  orm
    .update(users)
    .set({ name: $.name, nameKey: $.nameKey, email: $.email, emailKey: $.emailKey })
    .where(eq(users.id, $.id)),
);

export const updatePasswordHash = exec((orm, $: Params<{ id: number; passwordHash: string }>) =>
  orm.update(users).set({ passwordHash: $.passwordHash }).where(eq(users.id, $.id)),
);

export const updateDisabled = exec((orm, $: Params<{ id: number; disabledAt: number | null }>) =>
  orm.update(users).set({ disabledAt: $.disabledAt }).where(eq(users.id, $.id)),
);

export const updateServerRole = exec((orm, $: Params<{ id: number; role: 'admin' | 'user' }>) =>
  orm.update(users).set({ role: $.role }).where(eq(users.id, $.id)),
);

/** All users in the order of their ids, from one on. */
export const listUsers = rows((orm, $: Params<{ after: number; limit: number }>) =>
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
    .where(gt(users.id, $.after))
    .orderBy(asc(users.id))
    .limit($.limit),
);

export const deleteUserRow = exec((orm, $: Params<{ id: number }>) =>
  orm.delete(users).where(eq(users.id, $.id)),
);

/** Somebody else whose name looks like one of these, in use or still held. */
export const findLookAlike = row(
  (orm, $: Params<{ skeletons: string; except: number; now: number }>) =>
    orm
      .select({ userId: nameSkeletons.userId })
      .from(nameSkeletons)
      .where(
        and(
          isAmong(nameSkeletons.skeleton, $.skeletons),
          ne(nameSkeletons.userId, $.except),
          or(isNull(nameSkeletons.heldUntil), gt(nameSkeletons.heldUntil, $.now)),
        ),
      )
      .limit(1),
);

/** Notes what the name of a user looks like; what was held of it is in use again. */
export const insertSkeleton = exec((orm, $: Params<{ skeleton: string; userId: number }>) =>
  orm
    .insert(nameSkeletons)
    .values({ skeleton: $.skeleton, userId: $.userId })
    .onConflictDoUpdate({
      target: [nameSkeletons.skeleton, nameSkeletons.userId],
      set: { heldUntil: null },
    }),
);

export const deleteSkeletons = exec((orm, $: Params<{ userId: number }>) =>
  orm
    .delete(nameSkeletons)
    .where(and(eq(nameSkeletons.userId, $.userId), isNull(nameSkeletons.heldUntil))),
);

/** Holds the name that a user gives up. */
export const holdSkeletons = exec((orm, $: Params<{ userId: number; heldUntil: number }>) =>
  orm
    .update(nameSkeletons)
    .set({ heldUntil: $.heldUntil })
    .where(and(eq(nameSkeletons.userId, $.userId), isNull(nameSkeletons.heldUntil))),
);

/** Deletes some of what was held long enough; returns a row for each. */
export const deleteHeldSkeletons = rows((orm, $: Params<{ now: number; limit: number }>) => {
  const { skeleton, userId, heldUntil } = nameSkeletons;
  const some = orm
    .select({ skeleton, userId })
    .from(nameSkeletons)
    .where(lte(heldUntil, $.now))
    .limit($.limit);
  return orm
    .delete(nameSkeletons)
    .where(sql`(${skeleton}, ${userId}) in ${some}`)
    .returning({ userId });
});

/** Opens the database for all peers; its tables exist already. */
import knex from 'knex';

/** The durability of a commit: `full` is Snug's promise, `default` is the driver's default. */
export const pragmas = {
  full: ['journal_mode = WAL', 'synchronous = FULL'],
  default: [],
}[process.env.DURABILITY ?? 'full'];

export const file = process.env.DATABASE;

export function openKnex() {
  return knex({
    client: 'better-sqlite3',
    connection: { filename: file },
    useNullAsDefault: true,
    pool: {
      afterCreate: (connection, done) => {
        for (const pragma of pragmas) connection.pragma(pragma);
        done(null, connection);
      },
    },
  });
}

/** Messages per page. */
export const pageSize = 50;

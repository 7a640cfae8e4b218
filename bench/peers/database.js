/** The one way in which the peers open their database; its tables are there already. */
import knex from 'knex';

/** What a commit gives: `full` is what Snug promises, `default` what the driver does by itself. */
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

/** A page has so many messages. */
export const pageSize = 50;

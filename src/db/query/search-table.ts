/**
 * The full-text index, apart from the other tables because drizzle-kit cannot make it: see the
 * migration. Its rowid is the id of a message.
 */
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

export const search = sqliteTable('search', {
  id: integer('rowid').primaryKey(),
  words: text('words').notNull(),
  scope: text('scope').notNull(),
});

/** FTS5 takes commands as values of a column that is named as the table. */
export const searchCommands = sqliteTable('search', { command: text('search').notNull() });

/** The same for commands with a number; it must stand in the statement, since a bound one is no integer. */
export const searchSettings = sqliteTable('search', {
  command: text('search').notNull(),
  rank: integer('rank').notNull(),
});

/** Its settings, as FTS5 keeps them. */
export const searchConfig = sqliteTable('search_config', {
  key: text('k').primaryKey(),
  value: integer('v').notNull(),
});

/**
 * The full-text index, apart from the other tables because drizzle-kit cannot create it: see the
 * migration. Its rowid is the id of a message.
 */
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

export const search = sqliteTable('search', {
  id: integer('rowid').primaryKey(),
  words: text('words').notNull(),
  scope: text('scope').notNull(),
});

/** FTS5 takes commands as values of a column with the name of the table. */
export const searchCommands = sqliteTable('search', { command: text('search').notNull() });

/**
 * The same for commands with a number, which must be part of the statement: a bound one is no
 * integer.
 */
export const searchSettings = sqliteTable('search', {
  command: text('search').notNull(),
  rank: integer('rank').notNull(),
});

/** The settings of the index, as FTS5 stores them. */
export const searchConfig = sqliteTable('search_config', {
  key: text('k').primaryKey(),
  value: integer('v').notNull(),
});

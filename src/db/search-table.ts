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

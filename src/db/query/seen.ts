/** The `seen` of a membership while deletions have yet to add to it: see deletions/unread.ts. */
import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { memberships, pendingDeletions } from './tables.ts';

/** A membership's `seen`, including what deletions have yet to add to it. */
export const seenNow = () => sql<number>`${memberships.seen} + ${yetToAdd(memberships.readId)}`;

/** How many deleted messages after a read mark have yet to be added to a membership's `seen`. */
export const yetToAdd = (readId: SQLWrapper): SQL<number> => sql`(
  select count(*) from ${pendingDeletions}
  where ${pendingDeletions.kind} = 'message' and ${pendingDeletions.chatId} = ${memberships.chatId}
    and ${pendingDeletions.id} > ${readId} and ${pendingDeletions.id} > ${memberships.joinedEvent}
    and ${pendingDeletions.done} < ${memberships.joinedEvent})`;

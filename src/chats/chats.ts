/** Chats: who makes one, who renames it. */
import type { Unit } from '../db/commit.ts';
import { append } from '../events/log.ts';
import { authorise, join } from '../members/members.ts';
import { requireUser } from '../users/users.ts';
import { insertChat, updateTitle } from './queries.ts';

/**
 * Makes a chat with its maker as the owner.
 *
 * @returns the new chat's id.
 * @throws Refusal `signed_out` if the maker's account is gone.
 */
export async function createChat(
  unit: Unit,
  { userId, title }: { userId: number; title: string },
): Promise<number> {
  await requireUser(unit, { userId });
  const id = await append(unit, { type: 'chat', userId });
  await insertChat(unit, { id, title, createdAt: unit.now });
  await join(unit, { chatId: id, userId, role: 'owner' });
  return id;
}

/**
 * Changes the title of a chat; any member may.
 *
 * @throws Refusal `no_chat`, `not_member`
 */
export async function renameChat(
  unit: Unit,
  { chatId, userId, title }: { chatId: number; userId: number; title: string },
): Promise<void> {
  await authorise(unit, { chatId, userId });
  await updateTitle(unit, { id: chatId, title });
  await append(unit, { type: 'chat', chatId, userId });
}

/**
 * All that changes something while the server runs. The thread that writes knows these, and no
 * others; see writer.ts. What the operator's commands change, they change by themselves.
 */
import { setDisabled } from './admin/admin.ts';
import { createChat, openDirectChat, renameChat, setPermissions } from './chats/chats.ts';
import type { Commands } from './db/commands.ts';
import { clearDeleted } from './deletions/deletions.ts';
import { clearOldEvents } from './events/retention.ts';
import {
  acceptInvite,
  clearExpiredInvites,
  createInvite,
  revokeInvite,
} from './invites/invites.ts';
import { addMember, changeRole, leaveChat, removeMember, setNotify } from './members/members.ts';
import { clearOldKeys } from './messages/idempotency.ts';
import { deleteMessage, editMessage, postMessage } from './messages/messages.ts';
import { markRead } from './messages/reading.ts';
import { react, unreact } from './reactions/reactions.ts';
import { rebuildPortion } from './search/rebuild.ts';
import { forgetStaleWords } from './search/vocabulary/stale.ts';
import { extendVocabularies } from './search/vocabulary/vocabulary.ts';
import { ensureSetupCode } from './server/setup.ts';
import { clearOldNetworks } from './sessions/networks.ts';
import {
  clearExpiredSessions,
  endOwnSession,
  endSession,
  endSessions,
  signIn,
  touchSession,
} from './sessions/sessions.ts';
import { clearHeldNames, noteOldNames } from './users/held.ts';
import { changePassword, changeUser, deleteUser, registerUser } from './users/users.ts';

export const commands = {
  acceptInvite,
  addMember,
  changePassword,
  changeRole,
  changeUser,
  clearDeleted,
  clearExpiredInvites,
  clearExpiredSessions,
  clearHeldNames,
  clearOldEvents,
  clearOldKeys,
  clearOldNetworks,
  createChat,
  createInvite,
  deleteMessage,
  deleteUser,
  editMessage,
  endOwnSession,
  endSession,
  endSessions,
  ensureSetupCode,
  extendVocabularies,
  forgetStaleWords,
  leaveChat,
  markRead,
  noteOldNames,
  openDirectChat,
  postMessage,
  react,
  rebuildPortion,
  registerUser,
  removeMember,
  renameChat,
  revokeInvite,
  setDisabled,
  setNotify,
  setPermissions,
  signIn,
  touchSession,
  unreact,
} satisfies Commands;

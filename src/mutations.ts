/**
 * Every mutation of a running server. The writer thread can run only these; see writer.ts. Operator
 * commands make their changes in their own process.
 */

import { changePassword, changeUser, deleteUser, registerUser } from './accounts/accounts.ts';
import { setDisabled } from './accounts/admin.ts';
import { createChat, openDirectChat, renameChat, setPermissions } from './chats/chats.ts';
import type { Mutations } from './db/writer/store-mutations.ts';
import { clearOldEvents } from './event-log/retention.ts';
import {
  acceptInvite,
  clearExpiredInvites,
  createInvite,
  revokeInvite,
} from './invites/invites.ts';
import { clearDeleted } from './jobs/clear-deleted.ts';
import { addMember, changeRole, leaveChat, removeMember, setNotify } from './members/members.ts';
import { clearOldKeys } from './messages/idempotency.ts';
import { deleteMessage, editMessage, postMessage } from './messages/messages.ts';
import { react, unreact } from './messages/reactions.ts';
import { markRead } from './messages/read-state.ts';
import { rebuildPortion } from './search-index/rebuild.ts';
import { forgetStaleWords } from './search-index/vocabulary/stale.ts';
import { extendVocabularies } from './search-index/vocabulary/vocabulary.ts';
import { indexWaiting } from './search-index/waiting.ts';
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
import { backfillSkeletons, clearHeldNames } from './users/taken-names.ts';

export const mutations = {
  acceptInvite,
  addMember,
  backfillSkeletons,
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
  indexWaiting,
  leaveChat,
  markRead,
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
} satisfies Mutations;

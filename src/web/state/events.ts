/** Applies the server's events to the client's state. */
import { unlessBroken } from '../lib/api.ts';
import type { EventPayloads } from '../lib/wire.ts';
import { account, ownId, renameOneself, signedOut } from './account.ts';
import {
  chatOf,
  dropChat,
  isLoaded,
  loadChats,
  noteChat,
  noteDirectChat,
  noteMessage,
  noteReading,
} from './chats.ts';
import { dropMember, noteMember, noteUser, reloadMembers } from './members.ts';
import {
  addMessage,
  changeMessage,
  dropMessage,
  loadNewest,
  reloadWindow,
} from './message-window.ts';
import { endCatchUp, notify, startCatchUp } from './notifications.ts';
import { settle } from './outbox.ts';
import { changeReactions, keepOwnReactions } from './reactions.ts';
import { isBeingRead, noteReadAtOnce } from './reading.ts';
import { noteTyping, stopTyping } from './typing.ts';
import { noteBuild } from './update.ts';
import { cachedName, cacheNames, forgetIfGone } from './user-names.ts';

type Handlers = { [Type in keyof EventPayloads]: (data: EventPayloads[Type]) => void };

const handlers: Handlers = {
  hello({ build }) {
    noteBuild(build);
    startCatchUp();
  },
  beat() {
    endCatchUp();
  },
  message({ chat_id: chatId, message }) {
    stopTyping(chatId, message.sender_id);
    const isRead = isBeingRead(chatId);
    noteMessage(chatId, message, isRead);
    if (isRead && message.sender_id !== ownId()) noteReadAtOnce(chatId);
    addMessage(chatId, message);
    settle(chatId, message);
    unlessBroken(notify(chatId, message));
  },
  'message.edited'({ chat_id: chatId, message }) {
    changeMessage(chatId, message.id, (before) => ({
      ...before,
      ...keepOwnReactions(message, before, ownId()),
    }));
    unlessBroken(loadChats());
  },
  'message.deleted'({ chat_id: chatId, id }) {
    dropMessage(chatId, id);
    unlessBroken(loadChats());
  },
  reaction(data) {
    changeMessage(data.chat_id, data.id, (before) => ({
      ...before,
      reactions: changeReactions(before.reactions ?? [], data, ownId()),
    }));
  },
  chat({ chat }) {
    noteChat(chat);
  },
  'chat.deleted'({ chat_id: chatId }) {
    dropChat(chatId, 'deleted');
  },
  'member.joined'({ chat_id: chatId, member }) {
    noteMember(chatId, member);
    if (member.id === ownId()) unlessBroken(loadChats());
  },
  'member.changed'({ chat_id: chatId, member }) {
    noteMember(chatId, member);
  },
  'member.left'({ chat_id: chatId, user_id: userId }) {
    dropMember(chatId, userId);
    if (userId === ownId()) dropChat(chatId, 'removed');
    else unlessBroken(checkUser(chatId, userId));
  },
  user(user) {
    cacheNames([{ id: user.id, name: 'gone' in user ? '' : user.name }]);
    noteDirectChat(user);
    if ('gone' in user) return;
    noteUser(user);
    if (user.id === ownId()) renameOneself(user.name);
  },
  read(data) {
    noteReading(data);
  },
  notify(data) {
    noteReading(data);
  },
  typing({ chat_id: chatId, user_id: userId }) {
    noteTyping(chatId, userId);
  },
  'session.ended'({ session_id: id }) {
    if (id === account.value?.session.id) signedOut();
  },
  reset() {
    unlessBroken(reload());
  },
};

/**
 * Applies an event. Loads the list of chats first if it is not loaded. If an event cannot be
 * applied, everything is loaded again, so that later events still work.
 */
export function applyEvent<Type extends keyof EventPayloads>(
  type: Type,
  data: EventPayloads[Type],
): void {
  if (!isLoaded.value && type !== 'hello' && type !== 'beat') unlessBroken(loadChats());
  try {
    // A tab of a newer version may forward a type that this one does not have.
    handlers[type]?.(data);
  } catch {
    unlessBroken(reload());
  }
}

/**
 * Handles a stream that starts from now. For the first one, loads what happened since the page was
 * loaded; before a later one, anything may have happened, so everything is loaded again.
 */
export function onStreamStart(isFirst: boolean): void {
  unlessBroken(isFirst ? loadChats().then(loadNewest).then(reloadMembers) : reload());
}

/**
 * Checks whether a user who left has deleted their account: then their name is no longer shown. It
 * may also be the title of a direct chat, which only the list of chats knows.
 */
async function checkUser(chatId: number, userId: number): Promise<void> {
  const wasKnown = cachedName(userId) === '';
  const isGone = await forgetIfGone(userId);
  if (isGone && (!wasKnown || chatOf(chatId)?.direct)) await loadChats();
}

/** Loads everything again, when too many events were missed. */
async function reload(): Promise<void> {
  await loadChats();
  await reloadMembers();
  await reloadWindow();
}

/** What happens on the server, taken into what is shown. */
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
  loadWindow,
  messageWindow,
} from './message-window.ts';
import { endMissed, notify, startMissed } from './notifications.ts';
import { settle } from './outbox.ts';
import { changeReactions, keepOwnReactions } from './reactions.ts';
import { isBeingRead, noteReadAtOnce } from './reading.ts';
import { noteTyping, stopTyping } from './typing.ts';
import { noteBuild } from './update.ts';
import { cacheNames, forgetIfGone, knownName } from './user-names.ts';

type Handlers = { [Type in keyof EventPayloads]: (data: EventPayloads[Type]) => void };

const handlers: Handlers = {
  hello({ build }) {
    noteBuild(build);
    startMissed();
  },
  beat() {
    endMissed();
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
    else unlessBroken(lookAgain(chatId, userId));
  },
  user(user) {
    const before = knownName(user.id);
    cacheNames([user]);
    noteUser(user);
    // A direct chat has the other's name, which may not have been needed yet.
    if (before !== undefined) noteDirectChat(before, user);
    else unlessBroken(loadChats());
    if (user.id === ownId()) renameOneself(user.name);
  },
  read(data) {
    noteReading(data.chat_id, data);
  },
  notify(data) {
    noteReading(data.chat_id, data);
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
 * Takes an event; without a list to take it into, the list is loaded. One that cannot be taken must
 * not take the later ones along: all is loaded anew instead.
 */
export function take<Type extends keyof EventPayloads>(
  type: Type,
  data: EventPayloads[Type],
): void {
  if (!isLoaded.value && type !== 'hello' && type !== 'beat') unlessBroken(loadChats());
  try {
    // A tab of a newer version may pass on what this one does not know.
    handlers[type]?.(data);
  } catch {
    unlessBroken(reload());
  }
}

/**
 * The stream begins with now. What happened between loading the page and the first stream is looked
 * up; before a later one, anything may have happened.
 */
export function began(isFirst: boolean): void {
  unlessBroken(isFirst ? loadChats().then(loadNewest).then(reloadMembers) : reload());
}

/** Whoever left may have deleted their account: then their name is on nothing any more. */
async function lookAgain(chatId: number, userId: number): Promise<void> {
  const isGone = await forgetIfGone(userId);
  if (isGone && chatOf(chatId)?.direct) await loadChats();
}

/** Loads everything anew: too much was missed to be told one by one. */
async function reload(): Promise<void> {
  await loadChats();
  await reloadMembers();
  const open = messageWindow.value;
  if (open !== undefined) await loadWindow(open.chatId);
}

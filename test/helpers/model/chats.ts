/** Calls about chats, their members and their invites. */
import { accept, endMembership, join, leave } from './rules.ts';
import { type Chat, iso, type Member, type Model, refuse, unreadOf } from './state.ts';
import { type Calls, codeFrom, idFrom, ok } from './step.ts';

export const chatCalls: Calls = {
  listChats: (model, _, me) => ({
    method: 'GET',
    url: '/api/chats',
    rule: () => ({ status: 200, body: { chats: listOf(model, me.id) } }),
  }),

  createChat: (model, { text, n }, me) => ({
    method: 'POST',
    url: '/api/chats',
    fields: { title: text, ...(n % 2 === 0 && { open: '1' }) },
    rule: (answer) => {
      const chat = addChat(model, idFrom(answer), { title: text, isOpen: n % 2 === 0 });
      join(model, chat, me.id, 'owner');
      return ok(201, `/api/chats/${chat.id}`);
    },
  }),

  openDirectChat: (model, { name }, me) => ({
    method: 'POST',
    url: '/api/chats',
    fields: { with: name },
    rule: (answer) => {
      const other = model.userByName(name) ?? refuse('no_user');
      if (other === me) refuse('direct_self');
      const pair = [Math.min(me.id, other.id), Math.max(me.id, other.id)] as const;
      const chat =
        [...model.chats.values()].find((chat) => String(chat.pair) === String(pair)) ??
        addChat(model, idFrom(answer), { title: 'Direct chat', isOpen: false, pair });
      for (const { id } of [me, other]) {
        if (!chat.members.has(id)) join(model, chat, id, 'member');
      }
      return ok(201, `/api/chats/${chat.id}`);
    },
  }),

  directory: (model) => ({
    method: 'GET',
    url: '/api/directory',
    list: 'chats',
    rule: () => {
      const open = [...model.chats.values()].filter((chat) => chat.isOpen);
      const chats = open.map(({ id, members, title }) => ({ id, members: members.size, title }));
      return { status: 200, body: { chats: chats.reverse() } };
    },
  }),

  renameChat: (model, { chat: id, text }, me) => ({
    method: 'PUT',
    url: `/api/chats/${id}`,
    fields: { title: text },
    rule: () => {
      const { chat } = model.authorise(id, me.id);
      if (chat.pair !== undefined) refuse('direct_chat');
      chat.title = text;
      return ok();
    },
  }),

  leaveChat: (model, { chat: id }, me) => ({
    method: 'DELETE',
    url: `/api/chats?chat_id=${id}`,
    rule: () => {
      leave(model, model.authorise(id, me.id).chat, me.id);
      return ok();
    },
  }),

  listMembers: (model, { chat: id }, me) => ({
    method: 'GET',
    url: `/api/chats/${id}/members`,
    rule: () => {
      const { chat } = model.authorise(id, me.id);
      const members = [...chat.members].map(([id, { joined, role }]) => ({
        ...{ id, joined: iso(joined), name: model.users.get(id)?.name, role },
        ...(model.users.get(id)?.disabled !== undefined && { disabled: true }),
      }));
      return { status: 200, body: { members } };
    },
  }),

  addMember: (model, { chat: id, name, n }, me) => ({
    method: 'POST',
    url: `/api/chats/${id}/members`,
    fields: { name: n % 3 === 0 ? me.name : name },
    rule: () => {
      const chat = model.requireChat(id);
      const added = n % 3 === 0 ? me : model.userByName(name);
      const isJoining = chat.isOpen && added === me;
      const role = isJoining ? undefined : model.authorise(id, me.id).member.role;
      if (added === undefined) return refuse('no_user');
      if (chat.pair !== undefined) refuse('direct_chat');
      if (chat.members.has(added.id)) refuse('already_member');
      if (role === 'owner') chat.removed.delete(added.id);
      if (chat.removed.has(added.id)) refuse(isJoining ? 'removed' : 'user_removed');
      join(model, chat, added.id, 'member');
      return ok(201, `/api/chats/${id}/members/${added.id}`);
    },
  }),

  removeMember: (model, { chat: id, user }, me) => ({
    method: 'DELETE',
    url: `/api/chats/${id}/members?user_id=${user}`,
    rule: () => {
      const { chat, member } = model.authorise(id, me.id);
      if (user === me.id) leave(model, chat, user);
      else {
        if (member.role !== 'owner') refuse('not_owner');
        if (!chat.members.has(user)) refuse('no_member');
        endMembership(model, chat, user);
        chat.removed.add(user);
      }
      return ok();
    },
  }),

  changeRole: (model, { chat: id, user, n }, me) => {
    const role = n % 2 === 0 ? 'owner' : 'member';
    return {
      method: 'PUT',
      url: `/api/chats/${id}/members/${user}`,
      fields: { role },
      rule: () => {
        const { chat, member } = model.authorise(id, me.id);
        if (chat.pair !== undefined) refuse('direct_chat');
        if (member.role !== 'owner') refuse('not_owner');
        const changed = chat.members.get(user) ?? refuse('no_member');
        const isOnlyOwner = ownersOf(chat).every((owner) => owner === changed);
        if (role === 'member' && changed.role === 'owner' && isOnlyOwner) refuse('last_owner');
        changed.role = role;
        return ok();
      },
    };
  },

  setNotify: (model, { chat: id, n }, me) => {
    const notify = (['all', 'mentions', 'nothing'] as const)[n % 3] ?? 'all';
    return {
      method: 'PUT',
      url: `/api/chats/${id}/notify`,
      fields: { notify },
      rule: () => {
        model.authorise(id, me.id).member.notify = notify;
        return ok();
      },
    };
  },

  typing: (model, { chat: id }, me) => ({
    method: 'POST',
    url: `/api/chats/${id}/typing`,
    rule: () => {
      model.authorise(id, me.id);
      return ok();
    },
  }),

  listInvites: (model, { chat: id }, me) => ({
    method: 'GET',
    url: `/api/chats/${id}/invites`,
    rule: () => {
      const { member } = model.authorise(id, me.id);
      const invites = [...model.invites.values()]
        .filter(({ chatId, expires }) => chatId === id && expires > model.now)
        .filter(({ userId }) => member.role === 'owner' || userId === me.id)
        .map(({ code, created, expires, userId, usesLeft }) => ({
          ...{ code, created: iso(created), expires: iso(expires), user_id: userId },
          ...(usesLeft !== undefined && { uses_left: usesLeft }),
        }));
      return { status: 200, body: { invites: invites.reverse() } };
    },
  }),

  createInvite: (model, { chat: id, n }, me) => {
    const maxUses = [undefined, 1, 2][n % 3];
    const seconds = [undefined, 60, 12 * 3600][n % 4];
    return {
      method: 'POST',
      url: `/api/chats/${id}/invites`,
      fields: {
        ...(maxUses !== undefined && { max_uses: String(maxUses) }),
        ...(seconds !== undefined && { expires_in: String(seconds) }),
      },
      rule: (answer) => {
        const { chat, member } = model.authorise(id, me.id);
        if (chat.pair !== undefined) refuse('direct_chat');
        const usesLeft = maxUses ?? (member.role === 'owner' ? undefined : 100);
        const code = codeFrom(answer);
        const expires = model.now + (seconds ?? 7 * 24 * 3600) * 1000;
        const invite = { code, chatId: id, userId: me.id, created: model.now, expires };
        model.invites.set(code, { ...invite, ...(usesLeft !== undefined && { usesLeft }) });
        model.ever.codes.push(code);
        return ok(201, `/api/invites/${code}`);
      },
    };
  },

  revokeInvite: (model, { chat: id, code }, me) => ({
    method: 'DELETE',
    url: `/api/chats/${id}/invites?code=${code}`,
    rule: () => {
      const { member } = model.authorise(id, me.id);
      const invite = model.liveInvite(code);
      if (invite.chatId !== id) refuse('no_invite');
      if (invite.userId !== me.id && member.role !== 'owner') refuse('other_invite');
      model.invites.delete(code);
      return ok();
    },
  }),

  readInvite: (model, { code }) => ({
    method: 'GET',
    url: `/api/invites/${code}`,
    rule: () => {
      const { chatId, expires } = model.liveInvite(code);
      const { members, title } = model.requireChat(chatId);
      const invite = { chat_id: chatId, expires: iso(expires), members: members.size, title };
      return { status: 200, body: { invite } };
    },
  }),

  acceptInvite: (model, { code }, me) => ({
    method: 'POST',
    url: `/api/invites/${code}`,
    rule: () => ok(201, `/api/chats/${accept(model, code, me.id).id}`),
  }),
};

/** A user's chats as GET /api/chats shows them. */
export function listOf(model: Model, userId: number) {
  const latest = (chat: Chat) => chat.messages.at(-1)?.id ?? chat.id;
  return model
    .chatsOf(userId)
    .sort((one, other) => latest(other) - latest(one))
    .map((chat) => toWire(model, chat, userId));
}

function toWire(model: Model, chat: Chat, userId: number) {
  const last = chat.messages.at(-1);
  const { notify, readId } = chat.members.get(userId) as Member;
  const { unread, mentions } = unreadOf(chat, userId);
  const partnerId = chat.pair?.find((id) => id !== userId);
  const partner = model.users.get(partnerId ?? 0);
  return {
    id: chat.id,
    last_message: last?.content ?? null,
    last_message_time: last === undefined ? null : iso(last.time),
    sender_id: last?.sender ?? null,
    title: partner?.name ?? chat.title,
    ...(unread > 0 && { unread, read_id: readId }),
    ...(mentions > 0 && { mentions }),
    ...(notify !== 'all' && { notify }),
    ...(partner?.disabled !== undefined && { disabled: true }),
    ...(chat.pair !== undefined && partner === undefined && { gone: true }),
    ...(partnerId !== undefined && { direct: true, partner_id: partnerId }),
    ...(chat.isOpen && { open: true }),
  };
}

function addChat(
  model: Model,
  id: number,
  options: Pick<Chat, 'title' | 'isOpen'> & Partial<Pick<Chat, 'pair'>>,
): Chat {
  const chat = { id, ...options, members: new Map(), removed: new Set<number>(), messages: [] };
  model.chats.set(id, chat);
  model.ever.chats.push(id);
  return chat;
}

function ownersOf(chat: Chat): Member[] {
  return [...chat.members.values()].filter(({ role }) => role === 'owner');
}

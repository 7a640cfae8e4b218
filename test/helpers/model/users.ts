/** Calls about accounts and sessions. */
import { accept, leave } from './rules.ts';
import { fold, iso, type Model, refuse, sameName, type User } from './state.ts';
import { type Call, type Calls, ok } from './step.ts';

export const userCalls: Calls = {
  register: (model, { newName: name, email, password, code, n }) => {
    // Most come without an invite.
    const invite = n % 3 === 0 ? code : undefined;
    return {
      isNewcomer: true,
      method: 'POST',
      url: '/api/user',
      fields: { name, email, password, ...(invite !== undefined && { invite }) },
      rule: (answer) => {
        if (invite !== undefined) model.liveInvite(invite);
        else if (model.mode === 'invite' && model.ever.users.length > 0) refuse('invite_needed');
        claim(model, { name, email });
        const id = Number(answer.cookies.user_id);
        const role = model.ever.users.length === 0 ? 'admin' : 'user';
        model.users.set(id, { id, name, email, password, role, created: model.now });
        model.ever.users.push(id);
        if (invite !== undefined) accept(model, invite, id);
        return { ...ok(201, '/api/chats'), signsIn: id };
      },
    };
  },

  login: (model, { user, password, n }) => {
    const account = model.users.get(user);
    // One in four tries a password that may be wrong.
    const given = n % 4 === 0 || account === undefined ? password : account.password;
    return {
      isNewcomer: n % 3 !== 0,
      method: 'POST',
      url: '/api/login',
      fields: { name: account?.name.toUpperCase() ?? 'nobody', password: given },
      rule: (_, device) => {
        if (account?.password !== given) refuse('wrong_password');
        if (account.disabled !== undefined) refuse('account_disabled');
        model.sessions.delete(device.sessionId);
        return { ...ok(200, '/api/chats'), signsIn: account.id };
      },
    };
  },

  logout: (model) => ({
    method: 'GET',
    url: '/api/logout',
    rule: (_, { sessionId }) => {
      model.sessions.delete(sessionId);
      return ok(200, '/api/login');
    },
  }),

  readSession: (model, _, me) => ({
    method: 'GET',
    url: '/api/session',
    rule: (_, { sessionId }) => {
      const { id, name, email, role } = me;
      const session = model.sessions.get(sessionId);
      return {
        status: 200,
        body: { user: { id, name, email, role }, session: session && sessionToWire(session) },
      };
    },
  }),

  listSessions: (model, _, me) => ({
    method: 'GET',
    url: '/api/sessions',
    rule: (_, { sessionId }) => {
      const sessions = [...model.sessions.values()]
        .filter((session) => session.userId === me.id && model.isLive(session))
        .sort((a, b) => b.lastSeen - a.lastSeen || b.id - a.id)
        .map((session) => ({
          ...sessionToWire(session),
          device: 'lightMyRequest',
          ...(session.id === sessionId && { current: true }),
        }));
      return { status: 200, body: { sessions } };
    },
  }),

  endSession: (model, { n }, me) => {
    const id = [...model.sessions.keys()].at(-1 - (n % 12)) ?? 999_999;
    return {
      method: 'DELETE',
      url: `/api/sessions?id=${id}`,
      rule: () => {
        const session = model.sessions.get(id);
        if (session?.userId !== me.id || !model.isLive(session)) refuse('no_session');
        model.sessions.delete(id);
        return ok();
      },
    };
  },

  endOtherSessions: (model, _, me) => ({
    method: 'DELETE',
    url: '/api/sessions?others=1',
    rule: (_, { sessionId }) => {
      model.endSessions(me.id, sessionId);
      return ok();
    },
  }),

  findUser: (model, { user, name, n }) => ({
    method: 'GET',
    url: n % 2 === 0 ? `/api/user/${user}` : `/api/user?name=${encodeURIComponent(name)}`,
    rule: () => {
      const found = n % 2 === 0 ? model.users.get(user) : model.userByName(name);
      if (found === undefined) return refuse('no_user');
      return { status: 200, body: { user: { name: found.name, email: found.email } } };
    },
  }),

  changeUser: (model, { user, newName: name, email, n }, me) => {
    const change = { ...(n % 3 !== 0 && { name }), ...(n % 3 !== 1 && { email }) };
    return ownAccount(model, me, n, n % 4 === 0 ? user : undefined, {
      method: 'PUT',
      fields: change,
      isProofNeeded: change.email !== undefined && fold(change.email) !== fold(me.email),
      change: () => {
        claim(model, { name: me.name, email: me.email, ...change }, me);
        Object.assign(me, change);
      },
    });
  },

  changePassword: (model, { user, password, n }, me) => ({
    method: 'PUT',
    url: `/api/user/${n % 4 === 0 ? user : me.id}/password`,
    fields: { current_password: 'correct horse battery', password },
    rule: (_, { sessionId }) => {
      requireOwn(model, n % 4 === 0 ? user : me.id, me);
      if (me.password !== 'correct horse battery') refuse('wrong_current_password');
      me.password = password;
      model.noteProof(sessionId);
      model.endSessions(me.id, sessionId);
      return ok();
    },
  }),

  deleteUser: (model, { user, n }, me) =>
    ownAccount(model, me, n, n % 4 === 0 ? user : undefined, {
      method: 'DELETE',
      fields: {},
      isProofNeeded: true,
      change: () => {
        for (const chat of model.chatsOf(me.id)) leave(model, chat, me.id);
        for (const chat of model.chats.values()) chat.removed.delete(me.id);
        model.endSessions(me.id);
        model.users.delete(me.id);
      },
    }),

  listUsers: (model, _, me) => ({
    method: 'GET',
    url: '/api/users',
    rule: () => {
      if (me.role !== 'admin') refuse('not_admin');
      const users = [...model.users.values()].map(
        ({ id, name, email, role, created, disabled }) => ({
          ...{ id, name, email, role, created: iso(created) },
          ...(disabled !== undefined && { disabled: iso(disabled) }),
        }),
      );
      return { status: 200, body: { users } };
    },
  }),

  disableUser: (model, { user, n }, me) => ({
    method: 'PUT',
    url: `/api/users/${user}`,
    fields: { disabled: n % 3 === 0 ? '1' : '0' },
    rule: () => {
      if (me.role !== 'admin') refuse('not_admin');
      const found = model.users.get(user) ?? refuse('no_user');
      if (found === me) refuse('own_account');
      if (n % 3 === 0) {
        found.disabled = model.now;
        model.endSessions(user);
        for (const { code, userId } of model.invites.values()) {
          if (userId === user) model.invites.delete(code);
        }
      } else delete found.disabled;
      return ok();
    },
  }),
};

interface OwnCall extends Pick<Call, 'method'> {
  readonly fields: Record<string, string>;
  readonly isProofNeeded: boolean;
  readonly change: () => void;
}

/**
 * A call for the caller's own account, with or without its id. One in three sends a password, which
 * may be wrong.
 */
function ownAccount(
  model: Model,
  me: User,
  n: number,
  id: number | undefined,
  { change, isProofNeeded, method, fields }: OwnCall,
): Call {
  const current = n % 3 === 2 ? 'correct horse battery' : undefined;
  return {
    method,
    fields: { ...fields, ...(current !== undefined && { current_password: current }) },
    url: id === undefined ? '/api/user' : `/api/user/${id}`,
    rule: (_, { sessionId }) => {
      if (id !== undefined) requireOwn(model, id, me);
      if (current !== undefined && current !== me.password) refuse('wrong_current_password');
      if (current === undefined && isProofNeeded && !model.isProved(sessionId)) {
        refuse('password_needed');
      }
      change();
      if (current !== undefined) model.noteProof(sessionId);
      return ok();
    },
  };
}

function requireOwn(model: Model, id: number, me: User): void {
  if (!model.users.has(id)) refuse('no_user');
  if (id !== me.id) refuse('other_user');
}

function claim(model: Model, { name, email }: { name: string; email: string }, owner?: User) {
  const others = [...model.users.values()].filter((user) => user !== owner);
  if (others.some((user) => sameName(user.name, name))) refuse('name_taken');
  if (others.some((user) => fold(user.email) === fold(email))) refuse('email_taken');
}

function sessionToWire({
  id,
  created,
  lastSeen,
}: {
  id: number;
  created: number;
  lastSeen: number;
}) {
  return { id, created: iso(created), last_seen: iso(lastSeen) };
}

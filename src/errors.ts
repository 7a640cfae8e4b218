/**
 * Every error that a client can get: a closed set of refusals, each with its status and a plain
 * sentence that says what to do. No other error text is ever sent; see http/failures.ts.
 */
const refusals = {
  signed_out: [403, 'You are not signed in. Sign in first.'],
  wrong_password: [400, 'The name or the password is wrong.'],
  account_disabled: [403, 'This account is disabled. Ask the person who runs the server.'],
  wrong_current_password: [400, 'The current password is wrong.'],
  registration_closed: [
    403,
    'This server accepts no new users. Ask the person who runs it for an account.',
  ],
  invite_needed: [
    403,
    'You need an invite to register on this server. Ask one of its users for one.',
  ],
  setup_needed: [
    403,
    'The first account of a server needs its setup code. The server prints the code at its start and writes it to its log; snug setup-code prints it again.',
  ],
  password_needed: [
    403,
    'You signed in more than ten minutes ago. Enter your current password (current_password), or sign in again first.',
  ],
  name_taken: [400, 'This name is taken. Choose another one.'],
  name_confusable: [
    400,
    'This name looks too much like the name of another user. Choose another one.',
  ],
  name_mixed_scripts: [
    400,
    'The name mixes letters of different scripts. Use the letters of one script.',
  ],
  name_marks: [400, 'The name has too many marks on its letters. Use at most two on each letter.'],
  name_reserved: [400, 'This name is reserved. Choose another one.'],
  email_taken: [400, 'This e-mail address is already in use. Use another one.'],
  password_is_name: [
    400,
    'The password must differ from the name and the e-mail address. Choose another one.',
  ],
  password_common: [400, 'This password is too common. Choose another one.'],
  no_user: [404, 'There is no such user.'],
  other_user: [403, 'You can change and delete only your own account.'],
  not_admin: [403, 'Only an admin of this server may do this.'],
  own_account: [400, 'You cannot disable your own account.'],
  no_session: [404, 'There is no such session.'],
  no_chat: [404, 'There is no such chat.'],
  not_member: [403, 'You are not a member of this chat. Ask one of its members to add you.'],
  already_member: [400, 'This user is already a member of the chat.'],
  no_member: [404, 'This user is not a member of the chat.'],
  not_owner: [403, 'Only an owner of this chat may do this.'],
  last_owner: [400, 'A chat needs an owner. Make somebody else an owner first.'],
  direct_chat: [400, 'A direct chat has exactly two members, no roles and no title of its own.'],
  direct_self: [
    400,
    'You cannot start a direct chat with yourself. Enter the name of another user.',
  ],
  nobody_there: [
    403,
    'The account of the other person was deleted or disabled. Nobody would read this.',
  ],
  removed: [403, 'You were removed from this chat. Ask one of its owners to add you.'],
  user_removed: [403, 'This user was removed from the chat. Only an owner may add them again.'],
  no_invite: [404, 'This invite does not exist or is no longer valid. Ask for a new one.'],
  invite_too_long: [400, 'An invite can be valid for at most a year. Use a smaller expires_in.'],
  invite_too_large: [
    403,
    'The invite of a member can be valid for at most 30 days and 100 people. Ask an owner of the chat.',
  ],
  other_invite: [403, 'You can revoke only your own invites.'],
  quota_chats: [
    403,
    'Your quota of created chats is used up. Ask the person who runs the server for more.',
  ],
  quota_open_chats: [
    403,
    'Your quota of open chats is used up. Ask the person who runs the server for more.',
  ],
  quota_memberships: [
    403,
    'Your quota of joined chats is used up. Leave one, or ask the person who runs the server for more.',
  ],
  quota_invites: [
    403,
    'Your quota of invites is used up. Revoke one, or ask the person who runs the server for more.',
  ],
  quota_texts: [
    403,
    'Your daily quota of text is used up. Try again later, or ask the person who runs the server for more.',
  ],
  quota_accounts: [
    403,
    'The daily quota of new accounts is used up. Try again tomorrow, or ask the person who runs the server.',
  ],
  no_message: [404, 'There is no such message in this chat.'],
  other_sender: [403, 'You can edit and delete only your own messages.'],
  bad_emoji: [400, 'A reaction must be a single emoji.'],
  too_many_emoji: [
    400,
    'This message already has the maximum number of different reactions. Use one of them.',
  ],
  too_many_reactions: [
    400,
    'You can react to a message with at most 20 emoji. Remove one of yours first.',
  ],
  cross_site: [
    403,
    'This request comes from another site. Open Snug itself and try again. If you did, the person who runs the server must set PUBLIC_URL to its address.',
  ],
  misdirected: [
    421,
    'This server does not answer to this host name. Set PUBLIC_URL to its address, or add the name to ALLOWED_HOSTS.',
  ],
  no_route: [404, 'There is nothing at this address. Check the path and the method.'],
  wrong_method: [405, 'This address is read-only. Use GET.'],
  no_client: [404, 'The client is not built. Run npm run build, and restart the server.'],
  no_contact: [
    404,
    'This server names no contact for reporting weaknesses. Ask the person who runs it.',
  ],
  bad_request: [400, 'The request could not be understood. Check its headers and its syntax.'],
  bad_url: [400, 'The address could not be read. Check that its percent-encoding is valid UTF-8.'],
  bad_body: [400, 'The body could not be read. Send a form or a JSON object.'],
  bad_encoding: [
    400,
    'The text is not valid UTF-8, or has a % that starts no escape. Send UTF-8, and in a form write % as %25.',
  ],
  body_type: [400, 'Send the fields as application/x-www-form-urlencoded or as application/json.'],
  body_too_large: [413, 'The request is too large. Send less.'],
  headers_too_large: [431, 'The headers of the request are too large. Send fewer or shorter ones.'],
  too_often: [429, 'Too many requests. Wait a moment and try again.'],
  too_slow: [408, 'The request took too long to arrive. Try again.'],
  busy: [503, 'The server is busy. Try again in a moment.'],
  disk_full: [503, 'The server cannot store anything at the moment. Try again later.'],
  disk_low: [
    503,
    'The server is almost out of disk space and accepts only deletions. Ask the person who runs it.',
  ],
  read_only: [503, 'The server is read-only at the moment. Try again later.'],
  storage_failed: [
    503,
    'The server can no longer use its disk and is shutting down. Try again in a moment.',
  ],
  damaged: [503, 'The data of this server is damaged. Restore a backup.'],
  upgrading: [503, 'The server is being upgraded. Try again in a few minutes.'],
  stopping: [503, 'The server is shutting down. Try again in a moment.'],
  internal: [500, 'Something went wrong on the server. Try again later.'],
} as const satisfies Record<string, readonly [status: number, sentence: string]>;

export type RefusalCode = keyof typeof refusals;

/** A request that is refused for a reason that the client can understand. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  readonly status: number;
  /** How long to wait before trying again, in ms, if that is known. */
  readonly wait: number | undefined;

  constructor(code: RefusalCode, wait?: number) {
    const [status, sentence] = refusals[code];
    super(sentence);
    this.code = code;
    this.status = status;
    this.wait = wait;
  }
}

/** An error that the operator can fix, in one sentence that says what to do. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}

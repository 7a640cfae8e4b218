/**
 * What the server should know, in plain maps: the model that random calls are compared with.
 * It follows the API's document, and counts from the data what the server keeps counts of.
 */
import { Refusal, type RefusalCode } from '../../../src/errors.ts';
import type { Person } from '../world.ts';

export interface User {
  readonly id: number;
  name: string;
  email: string;
  password: string;
  readonly role: 'admin' | 'user';
  readonly created: number;
  disabled?: number;
}

export interface Session {
  readonly id: number;
  readonly userId: number;
  readonly created: number;
  lastSeen: number;
  /** When the user last gave the password. */
  verified: number;
}

/** A client with its cookies, and the session that they stand for while it lives. */
export interface Device {
  readonly person: Person;
  userId: number;
  sessionId: number;
}

export interface Member {
  role: 'owner' | 'member';
  notify: 'all' | 'mentions' | 'nothing';
  readonly joined: number;
  readId: number;
}

export interface Message {
  readonly id: number;
  readonly sender: number;
  readonly time: number;
  readonly replyTo?: number;
  content: string;
  edited?: number;
  /** The users mentioned in the text when it was written. */
  calls: Set<number>;
  readonly reactions: { emoji: string; userId: number }[];
}

export interface Chat {
  readonly id: number;
  title: string;
  readonly isOpen: boolean;
  /** The two users of a direct chat. */
  readonly pair?: readonly [number, number];
  /** In the order of joining. */
  readonly members: Map<number, Member>;
  readonly removed: Set<number>;
  /** In the order of their ids. */
  readonly messages: Message[];
}

export interface Invite {
  readonly code: string;
  readonly chatId: number;
  readonly userId: number;
  readonly created: number;
  readonly expires: number;
  usesLeft?: number;
}

export const hour = 3_600_000;
export const day = 24 * hour;

export class Model {
  now: number;
  readonly mode: 'open' | 'invite';
  readonly users = new Map<number, User>();
  readonly sessions = new Map<number, Session>();
  readonly devices: Device[] = [];
  readonly chats = new Map<number, Chat>();
  readonly invites = new Map<string, Invite>();
  /** By user and key: the message that an Idempotency-Key created, and when. */
  readonly posted = new Map<string, { location: string; at: number }>();
  /** Everything that ever existed, to ask for deleted objects as well. */
  readonly ever = {
    users: [] as number[],
    chats: [] as number[],
    messages: [] as number[],
    codes: [] as string[],
  };

  constructor(now: number, mode: 'open' | 'invite') {
    this.now = now;
    this.mode = mode;
  }

  /** A session ends 30 days after its last use and 180 days after its start. */
  isLive({ lastSeen, created }: Session): boolean {
    return lastSeen > this.now - 30 * day && created > this.now - 180 * day;
  }

  /** Whether the user of a session has given the password in the last ten minutes. */
  isProved(sessionId: number): boolean {
    const { verified = 0 } = this.sessions.get(sessionId) ?? {};
    return this.now - verified <= 10 * 60_000;
  }

  noteProof(sessionId: number): void {
    const session = this.sessions.get(sessionId);
    if (session !== undefined) session.verified = this.now;
  }

  /** The live session of a device's cookies. */
  sessionOf({ sessionId }: Device): Session | undefined {
    const session = this.sessions.get(sessionId);
    return session !== undefined && this.isLive(session) ? session : undefined;
  }

  /** The user's chats. */
  chatsOf(userId: number): Chat[] {
    return [...this.chats.values()].filter((chat) => chat.members.has(userId));
  }

  endSessions(userId: number, except?: number): void {
    for (const { id, userId: owner } of this.sessions.values()) {
      if (owner === userId && id !== except) this.sessions.delete(id);
    }
  }

  userByName(name: string): User | undefined {
    return [...this.users.values()].find((user) => sameName(user.name, name));
  }

  requireChat(chatId: number): Chat {
    return this.chats.get(chatId) ?? refuse('no_chat');
  }

  /** One of the user's chats. */
  authorise(chatId: number, userId: number): { chat: Chat; member: Member } {
    const chat = this.requireChat(chatId);
    return { chat, member: chat.members.get(userId) ?? refuse('not_member') };
  }

  requireMessage(chat: Chat, id: number): Message {
    return chat.messages.find((message) => message.id === id) ?? refuse('no_message');
  }

  liveInvite(code: string): Invite {
    const invite = this.invites.get(code);
    return invite !== undefined && invite.expires > this.now ? invite : refuse('no_invite');
  }
}

export function refuse(code: RefusalCode): never {
  throw new Refusal(code);
}

export function sameName(one: string, other: string): boolean {
  return fold(one) === fold(other);
}

/** Enough case folding for the names and words of these tests. */
export function fold(text: string): string {
  return text.normalize('NFC').toUpperCase().toLowerCase();
}

/** How many of a chat's messages a member has not read, and how many of those mention them. */
export function unreadOf(chat: Chat, userId: number): { unread: number; mentions: number } {
  const readId = chat.members.get(userId)?.readId ?? 0;
  const unread = chat.messages.filter((message) => message.id > readId);
  return {
    unread: unread.length,
    mentions: unread.filter((message) => message.calls.has(userId)).length,
  };
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

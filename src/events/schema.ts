import type { Static } from 'typebox';
import * as Type from 'typebox';
import type { ChatList } from '../chats/schema.ts';
import { errorMessage } from '../http/schema.ts';
import type { Member as MemberSchema } from '../members/schema.ts';
import type { Message as MessageSchema } from '../messages/schema.ts';

/** An empty value counts as none: some programs send it before the first event. */
const Cursor = Type.String({
  pattern: '^(0|[1-9][0-9]{0,14}|)$',
  examples: ['7'],
  ...errorMessage('Last-Event-ID and since must be the id of an event, in plain digits.'),
});

/** Browsers send the header when they reconnect; `since` is for the first connection. */
export const EventHeaders = Type.Object({ 'last-event-id': Type.Optional(Cursor) });

export const EventQuery = Type.Object({ since: Type.Optional(Cursor) });

/** `text/event-stream`; see sse-frame.ts. */
export const EventStream = Type.String();

type Chat = Static<typeof ChatList>['chats'][number];
type Member = Static<typeof MemberSchema>;
type Message = Static<typeof MessageSchema>;
type Notify = NonNullable<Chat['notify']> | 'all';

/** How far a user has read a chat, and the setting for its notifications. */
interface Reading {
  readonly chat_id: number;
  /** The last message that was read. */
  readonly id: number;
  readonly unread: number;
  readonly mentions: number;
  readonly notify: Notify;
  /** The newest message of the chat; the counts include all up to it. 0 if there is none. */
  readonly last_id: number;
}

/** What the stream sends, by event type: the data of each event. */
export interface EventPayloads {
  /** The first event: the build of the client that the server has. */
  hello: { build: string };
  /** Everything that was missed has been sent; after that, every 15 s. */
  beat: Record<string, never>;
  message: { chat_id: number; message: Message };
  'message.edited': { chat_id: number; message: Message };
  'message.deleted': { chat_id: number; id: number };
  /** One user and one emoji: whether that reaction is there now, and how many there are. */
  reaction: {
    chat_id: number;
    id: number;
    emoji: string;
    user_id: number;
    added: boolean;
    count: number;
  };
  chat: { chat: Pick<Chat, 'id' | 'title' | 'rename' | 'invite'> };
  'chat.deleted': { chat_id: number };
  'member.joined': { chat_id: number; member: Member };
  'member.changed': { chat_id: number; member: Member };
  'member.left': { chat_id: number; user_id: number };
  /**
   * A user whose name the reader sees was renamed, disabled or enabled, or has deleted the account:
   * they share a chat, or have a direct chat, even if the other one has left it.
   */
  user: Pick<Member, 'id' | 'name' | 'disabled'> | { id: number; gone: true };
  read: Reading;
  notify: Reading;
  typing: { chat_id: number; user_id: number };
  'session.ended': { session_id: number };
  /** Too much was missed: load everything again. */
  reset: Record<string, never>;
}

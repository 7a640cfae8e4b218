/** What goes over the wire, as the server's own schemas say. Types only: nothing of it is shipped. */
import type { Static } from 'typebox';
import type { UserAnswer } from '../../accounts/schema.ts';
import type { ChatList, Directory as DirectorySchema } from '../../chats/schema.ts';
import type { InviteAnswer, InviteList } from '../../invites/schema.ts';
import type { Member as MemberSchema } from '../../members/schema.ts';
import type {
  MessagePage as MessagePageSchema,
  Message as MessageSchema,
} from '../../messages/schema.ts';
import type { SearchAnswer } from '../../search/schema.ts';
import type { SessionAnswer, SessionList } from '../../sessions/schema.ts';

export type Account = Static<typeof SessionAnswer>;
export type Device = Static<typeof SessionList>['sessions'][number];
export type Chat = Static<typeof ChatList>['chats'][number];
export type OpenChat = Static<typeof DirectorySchema>['chats'][number];
export type Member = Static<typeof MemberSchema>;
export type Message = Static<typeof MessageSchema>;
export type MessagePage = Static<typeof MessagePageSchema>;
export type OwnReaction = NonNullable<MessagePage['own_reactions']>[number];
export type Invite = Static<typeof InviteList>['invites'][number];
export type InvitedTo = Static<typeof InviteAnswer>['invite'];
export type Hit = Static<typeof SearchAnswer>['hits'][number];
export type User = Static<typeof UserAnswer>['user'];

/** What the stream of events tells, by type; see src/events/payload.ts. */
export interface EventPayloads {
  hello: { build: string };
  /** All that was missed has come; and every 15 s from then on. */
  beat: Record<string, never>;
  message: { chat_id: number; message: Message };
  'message.edited': { chat_id: number; message: Message };
  'message.deleted': { chat_id: number; id: number };
  /** Of one user and one emoji: whether that reaction is there now, and how many are. */
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
  /** Somebody with whom one shares a chat has another name, or their account was disabled or enabled. */
  user: Pick<Member, 'id' | 'name' | 'disabled'>;
  read: { chat_id: number; id: number; unread: number; mentions: number; notify: Notify };
  notify: { chat_id: number; id: number; unread: number; mentions: number; notify: Notify };
  typing: { chat_id: number; user_id: number };
  'session.ended': { session_id: number };
  reset: Record<string, never>;
}

export type Notify = 'all' | 'mentions' | 'nothing';

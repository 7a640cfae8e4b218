/** The types of requests and answers, from the server's own schemas. Nothing of them is bundled. */
import type { Static } from 'typebox';
import type { UserAnswer } from '../../accounts/schema.ts';
import type { ChatList, Directory as DirectorySchema } from '../../chats/schema.ts';

export type { EventPayloads } from '../../events/schema.ts';

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

export type Notify = 'all' | 'mentions' | 'nothing';

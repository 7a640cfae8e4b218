import { useComputed } from '@preact/signals';
import { isolated } from '../lib/bidi.ts';
import { paths } from '../lib/route.ts';
import { chatOf, isLoaded, mayWrite } from '../state/chats.ts';
import { useLoading } from '../state/failing.ts';
import { useIntent } from '../state/intent.ts';
import { loadMembers } from '../state/members.ts';
import { messageWindow } from '../state/message-window.ts';
import { texts } from '../texts/index.ts';
import { Composer } from './composer.tsx';
import { Deactivated } from './deactivated.tsx';
import { GonePane } from './gone.tsx';
import { IconLink } from './icons.tsx';
import { Timeline } from './timeline.tsx';

interface Props {
  readonly chatId: number;
  readonly messageId: number | undefined;
}

/**
 * A chat: its header, its messages and the composer, once it is known that the user is a member.
 * Where nobody would read a message, the composer is there only to edit one.
 */
export function ChatPane({ chatId, messageId }: Props) {
  const intent = useIntent(chatId);
  const chat = chatOf(chatId);
  const title = chat?.title ?? '';
  // Often earlier than the list of chats, and also only for members.
  const hasMessages = useComputed(() => messageWindow.value?.chatId === chatId);
  const isMember = chat !== undefined || hasMessages.value;
  // The timeline shows the refusal to a user who is not in the chat.
  useLoading(() => loadMembers(chatId), [chatId]);
  if (chat === undefined && isLoaded.value) return <GonePane chatId={chatId} />;
  return (
    <section class="pane chat-pane" aria-label={isolated(title)}>
      <header class="bar" data-disabled={mayWrite(chat) ? undefined : ''}>
        <IconLink of="back" label={texts.back} href={paths.home} />
        <h1 dir="auto">{title || texts.chat}</h1>
        <Deactivated of={chat} />
        <IconLink of="search" label={texts.search} href={paths.search('', chatId)} />
        <IconLink of="people" label={texts.chatMenu} href={paths.members(chatId)} />
      </header>
      <Timeline chatId={chatId} messageId={messageId} intent={intent} />
      {!mayWrite(chat) && (
        <p class="hint">
          {chat?.gone ? texts.partnerDeleted : texts.partnerDeactivated(isolated(title))}
        </p>
      )}
      {isMember && (mayWrite(chat) || intent.value?.kind === 'edit') && (
        <Composer chatId={chatId} title={title} intent={intent} />
      )}
    </section>
  );
}

import { gone } from '../state/chats.ts';
import { texts } from '../texts/index.ts';
import { Pane } from './pane.tsx';

/** Explains why the user is not in a chat, instead of its messages and composer. */
export function GonePane({ chatId }: { chatId: number }) {
  const { title = texts.noChat, why = 'unknown' } = gone.value.get(chatId) ?? {};
  return (
    <Pane title={title}>
      <p class="empty" role="alert">
        {texts.gone[why]}
      </p>
    </Pane>
  );
}

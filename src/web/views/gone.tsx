import { gone } from '../state/chats.ts';
import { texts } from '../texts/index.ts';
import { Pane } from './pane.tsx';

/** A chat that one is not in, or not any more: what happened, and nowhere to write. */
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

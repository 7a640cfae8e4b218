import { type Signal, useSignal, useSignalEffect } from '@preact/signals';
import { drop, load, save } from '../lib/store.ts';
import type { Message } from '../lib/wire.ts';

/** What the user is about to do with a message: reply to it or edit it. */
export interface Intent {
  readonly kind: 'reply' | 'edit';
  readonly message: Message;
}

/**
 * The intent is saved with the draft, so that opening another pane or a reload does not turn a
 * reply into an ordinary message.
 */
export function useIntent(chatId: number): Signal<Intent | undefined> {
  const name = `intent.${chatId}`;
  const { intent: saved } = load<{ intent?: Intent }>(name, {});
  const intent = useSignal(saved?.message === undefined ? undefined : saved);
  useSignalEffect(() => {
    if (intent.value === undefined) drop(name);
    else save(name, { intent: intent.value });
  });
  return intent;
}

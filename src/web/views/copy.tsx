import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { copyText } from '../lib/clipboard.ts';
import { texts } from '../texts/index.ts';

/** How long the button says "Copied", in ms. */
const confirmationTime = 2_000;

interface Props {
  readonly text: string;
  /** The element with the text. */
  readonly shown: RefObject<Element | null>;
}

/** Copies a text and confirms it. If that fails, the text is selected, and a sentence says so. */
export function CopyButton({ text, shown }: Props) {
  const state = useSignal<'ready' | 'copied' | 'selected'>('ready');
  const copy = async () => {
    if (shown.current === null) return;
    state.value = (await copyText(text, shown.current)) ? 'copied' : 'selected';
    if (state.value === 'copied') setTimeout(() => (state.value = 'ready'), confirmationTime);
  };
  return (
    <>
      <button type="button" class="copy" onClick={copy}>
        {state.value === 'copied' ? texts.copied : texts.copy}
      </button>
      <span role="status" class={state.value === 'selected' ? 'note' : 'unseen'}>
        {state.value === 'copied' && texts.copied}
        {state.value === 'selected' && texts.copySelected}
      </span>
    </>
  );
}

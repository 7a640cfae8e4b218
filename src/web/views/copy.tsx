import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { copyText } from '../lib/clipboard.ts';
import { texts } from '../texts/index.ts';

/** For this long the button says that it has copied, in ms. */
const saidFor = 2_000;

interface Props {
  readonly text: string;
  /** Where the text stands. */
  readonly shown: RefObject<Element | null>;
}

/** Copies a text, and says so only if it did; else the text is selected, and a sentence says that. */
export function CopyButton({ text, shown }: Props) {
  const state = useSignal<'ready' | 'copied' | 'selected'>('ready');
  const copy = async () => {
    if (shown.current === null) return;
    state.value = (await copyText(text, shown.current)) ? 'copied' : 'selected';
    if (state.value === 'copied') setTimeout(() => (state.value = 'ready'), saidFor);
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

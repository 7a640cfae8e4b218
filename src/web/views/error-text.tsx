import type { Signal } from '@preact/signals';
import { sentenceOf } from '../texts/sentence.ts';

/** Says why something failed, where it failed; nothing if there is no error. */
export function ErrorText({ of: error }: { of: Signal<unknown> }) {
  if (error.value === undefined) return null;
  return (
    <p class="error" role="alert">
      {sentenceOf(error.value)}
    </p>
  );
}

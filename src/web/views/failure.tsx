import { ModuleError } from '../lib/lazy-modules.ts';
import { failure } from '../state/failures.ts';
import { reload } from '../state/update.ts';
import { texts } from '../texts/index.ts';
import { sentenceOf } from '../texts/sentence.ts';
import { IconButton } from './icons.tsx';

/** Shows why an action failed, until the user closes it or does something else. */
export function Failure() {
  if (failure.value === undefined) return null;
  return (
    <div class="failure" role="alert">
      <p>
        {sentenceOf(failure.value)}{' '}
        {failure.value instanceof ModuleError && (
          <button type="button" class="link" onClick={reload}>
            {texts.reload}
          </button>
        )}
      </p>
      <IconButton of="close" label={texts.close} onClick={() => (failure.value = undefined)} />
    </div>
  );
}

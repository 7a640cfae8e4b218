import { useSignal } from '@preact/signals';
import type { FunctionComponent } from 'preact';
import { loadModule } from '../lib/lazy-modules.ts';
import { attempt } from '../state/failures.ts';
import { Dialog } from './dialog.tsx';
import { IconButton } from './icons.tsx';

interface Props {
  readonly label: string;
  readonly onPick: (emoji: string) => unknown;
}

/** Opens the emoji picker, which is loaded on first use. */
export function EmojiButton({ label, onPick }: Props) {
  const Picker = useSignal<FunctionComponent<Pick<Props, 'onPick'>> | undefined>(undefined);
  const isOpen = useSignal(false);
  const open = async () => {
    Picker.value ??= (await loadModule(import('./emoji-picker.tsx'))).EmojiPicker;
    isOpen.value = true;
  };
  const pick = (emoji: string) => {
    isOpen.value = false;
    onPick(emoji);
  };
  return (
    <>
      <IconButton of="smile" label={label} onClick={() => attempt(open())} />
      {isOpen.value && (
        <Dialog title={label} onClose={() => (isOpen.value = false)}>
          {Picker.value && <Picker.value onPick={pick} />}
        </Dialog>
      )}
    </>
  );
}

import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { texts } from '../texts/index.ts';
import { IconButton } from './icons.tsx';

interface Props {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly onClose: () => void;
}

/** A modal dialog; the browser keeps the focus in it and closes it on Escape. */
export function Dialog({ title, children, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  // A layout effect runs before the next key, so that it goes to the dialog, not to the page below.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const closeOutside = (event: MouseEvent) => {
    if (event.target === dialog.current) onClose();
  };
  return (
    <dialog ref={dialog} aria-label={title} onClose={onClose} onPointerDown={closeOutside}>
      <header class="bar">
        <h2>{title}</h2>
        <IconButton of="close" label={texts.close} onClick={onClose} />
      </header>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}

/** What a key means, on every device and with every input method. */

/**
 * Whether a key belongs to an input method, which composes a word of several keys. The Enter that
 * ends a composition says so by its old code only in Safari (UI Events, 229).
 */
export const isComposing = ({ isComposing, keyCode }: KeyboardEvent): boolean =>
  isComposing || keyCode === 229;

/** Whether one types on glass: such a keyboard has no Shift+Enter, so Enter makes a line. */
export const isTouch = (): boolean => matchMedia('(pointer: coarse) and (hover: none)').matches;

/** Keeps a form from being sent by the Enter that ends a composition. */
export function holdComposed(event: KeyboardEvent): void {
  if (event.key === 'Enter' && isComposing(event)) event.preventDefault();
}

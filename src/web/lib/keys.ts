/** Interprets keys for all devices and input methods. */

/**
 * Whether a key belongs to an input method that composes a word from several keys. In Safari, only
 * the legacy key code 229 shows it for the Enter that ends a composition (UI Events).
 */
export const isComposing = ({ isComposing, keyCode }: KeyboardEvent): boolean =>
  isComposing || keyCode === 229;

/**
 * Whether the keyboard is on a touch screen: it has no Shift+Enter, so Enter starts a new line. Only
 * the pointer tells: some phones claim to hover, and a laptop with a touch screen has a fine pointer.
 */
export const isTouch = (): boolean => matchMedia('(pointer: coarse)').matches;

/** Prevents the Enter that ends a composition from submitting a form. */
export function holdComposed(event: KeyboardEvent): void {
  if (event.key === 'Enter' && isComposing(event)) event.preventDefault();
}

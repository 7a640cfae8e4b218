/*
 * Every word is indexed together with the window of ids that its message lies in. FTS5 looks for the
 * first match of a phrase in all there is, and skips what is too new one by one, whatever range of
 * rowids it is given; the words of one window are all that it can see of them.
 */

/** So many ids share a window, of messages and of other events. */
export const windowSize = 16_384;

/** As many digits, to base 36, as the windows of ids of 15 digits need. */
const digits = 7;

export function windowOf(id: number): number {
  return Math.floor(id / windowSize);
}

/** Words as they are indexed for the messages of a window, with spaces between them. */
export function inWindow(window: number, words: readonly string[]): string {
  const prefix = window.toString(36).padStart(digits, '0');
  return words.map((word) => prefix + word).join(' ');
}

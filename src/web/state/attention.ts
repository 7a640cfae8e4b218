/** Whether somebody is looking at the page: its tab is in front, and its window has the focus. */

export function isLooking(): boolean {
  return !document.hidden && document.hasFocus();
}

/**
 * Calls back whenever somebody starts looking at the page.
 *
 * @returns a function that removes the listeners.
 */
export function onLooking(callBack: () => void): () => void {
  const look = () => {
    if (isLooking()) callBack();
  };
  document.addEventListener('visibilitychange', look);
  addEventListener('focus', look);
  return () => {
    document.removeEventListener('visibilitychange', look);
    removeEventListener('focus', look);
  };
}

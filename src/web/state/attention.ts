/** Whether somebody has the page before their eyes: its tab in front, and its window focused. */

export function isLooking(): boolean {
  return !document.hidden && document.hasFocus();
}

/**
 * Calls back whenever somebody begins to look.
 *
 * @returns what ends it.
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

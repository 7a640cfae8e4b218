/**
 * Copies a text. The clipboard is there over https and on localhost; elsewhere the browser copies
 * what is selected.
 *
 * @param shown where the text stands; it is selected if the clipboard is not there.
 * @returns false if nothing was copied; the text is then selected, for the person to copy.
 */
export async function copyText(text: string, shown: Element): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    select(shown);
    return document.execCommand('copy');
  }
}

function select(element: Element): void {
  if (element instanceof HTMLInputElement) {
    element.focus();
    element.select();
  } else getSelection()?.selectAllChildren(element);
}

/**
 * Copies a text. The clipboard API is available over https and on localhost; elsewhere the browser
 * copies the selection.
 *
 * @param shown the element with the text; it is selected if there is no clipboard API.
 * @returns false if nothing was copied; the text is then selected, for the user to copy.
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

/** Addresses of the web within a text. */

/**
 * An address up to a space, a quote, a character that changes the direction, or the punctuation of
 * scripts without spaces, which follows it without one.
 */
const address =
  /^(?:https?:\/\/|www\.)(?:\[[0-9a-f:.]{2,45}\]|[\p{L}\p{N}])[^\s<>"`\u200e\u200f\u2018-\u201f\u202a-\u202e\u2026\u2066-\u2069\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]*/iu;

/** What ends a sentence rather than an address. */
const ending = "?!.,:;*~'|";

const brackets = ['()', '[]', '{}'];

/** The address that a text starts with, as it is written; undefined if there is none. */
export function addressAt(text: string): string | undefined {
  const found = address.exec(text)?.[0];
  if (found === undefined) return undefined;
  const trimmed = withoutEnding(found);
  return URL.canParse(hrefOf(trimmed)) ? trimmed : undefined;
}

export function hrefOf(address: string): string {
  return /^www\./i.test(address) ? `http://${address}` : address;
}

/** A bracket that was opened before the address closes behind it, and so do marks of a sentence. */
function withoutEnding(text: string): string {
  const open = new Map(
    brackets.map(([opening = '', closing = '']) => [
      closing,
      text.split(closing).length - text.split(opening).length,
    ]),
  );
  let end = text.length;
  for (; end > 0; end--) {
    const last = text.charAt(end - 1);
    if (ending.includes(last)) continue;
    const unopened = open.get(last) ?? 0;
    if (unopened <= 0) break;
    open.set(last, unopened - 1);
  }
  return text.slice(0, end);
}

/** Addresses of the web within a text. */
import { addressCharacter } from '../../mentions/candidates.ts';

/** An address with the name of a host, in any script, or an IPv6 address. */
const address = new RegExp(
  `^(?:https?:\\/\\/|www\\.)(?:\\[[0-9a-f:.]{2,45}\\]|[\\p{L}\\p{N}])${addressCharacter}*`,
  'iu',
);

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

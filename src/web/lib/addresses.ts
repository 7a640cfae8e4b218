/** Finds web addresses in a text. */
import { addressCharacter } from '../../mentions/candidates.ts';

/** An address with a host name in any script, or an IPv6 address. */
const address = new RegExp(
  `^(?:https?:\\/\\/|www\\.)(?:\\[[0-9a-f:.]{2,45}\\]|[\\p{L}\\p{N}])${addressCharacter}*`,
  'iu',
);

/** Punctuation at the end belongs to the sentence, not to the address. */
const ending = "?!.,:;*~'|";

const brackets = ['()', '[]', '{}'];

/** The address at the start of a text, as written; undefined if there is none. */
export function addressAt(text: string): string | undefined {
  const found = address.exec(text)?.[0];
  if (found === undefined) return undefined;
  const trimmed = withoutEnding(found);
  return URL.canParse(hrefOf(trimmed)) ? trimmed : undefined;
}

/** Whether a link to an address is drawn as one: any other, such as `javascript:`, stays text. */
export function isFollowed(href: string): boolean {
  return /^(https?:\/\/|mailto:)/i.test(href);
}

export function hrefOf(address: string): string {
  return /^www\./i.test(address) ? `http://${address}` : address;
}

/** Cuts off punctuation, and closing brackets that were opened before the address. */
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

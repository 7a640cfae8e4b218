/**
 * Isolates user-written texts within the client's own, so that Hebrew, Arabic or a character that
 * changes the direction moves nothing outside of them (Unicode Standard Annex #9).
 */

/** Right-to-left letters, and characters that change the direction. */
const directed =
  /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

const opener = /[\u2066-\u2068]/;
const closer = '\u2069';

/**
 * Isolates a text for use in plain text (a label, a notification), where that makes a difference.
 */
export function isolated(text: string): string {
  return directed.test(text) ? `\u2068${balanced(text)}${closer}` : text;
}

/**
 * The direction of a text by its first letter, as `dir="auto"` determines it. For elements whose
 * children have a direction of their own, which `auto` ignores.
 */
export function directionOf(text: string): 'rtl' | 'ltr' {
  const [letter = ''] = /\p{L}/u.exec(text) ?? [];
  return directed.test(letter) ? 'rtl' : 'ltr';
}

/** Balances a text's isolates, so that it cannot close the one around it. */
export function balanced(text: string): string {
  let depth = 0;
  const characters = Array.from(text, (character) => {
    if (opener.test(character)) depth += 1;
    if (character !== closer) return character;
    depth -= 1;
    if (depth >= 0) return character;
    depth = 0;
    return '';
  });
  return characters.join('') + closer.repeat(depth);
}

/** Where a text calls somebody by @name: one rule for the server, which counts, and for the client. */

/** A message can call so many; the text behind the next @ is just a text. */
const mentionLimit = 50;

/** A name is no longer than this, in code points; see users/schema.ts. */
const nameLength = 32;

/** Letters of scripts that put no spaces between words, or join a particle to a name as Korean does. */
export const unspaced =
  '[\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Hang}\\p{scx=Thai}\\p{scx=Laoo}\\p{scx=Khmr}\\p{scx=Mymr}]';

/**
 * What an address of the web goes on with: neither a space or a quote nor what changes the direction,
 * nor the punctuation of scripts without spaces, which follows an address without one.
 */
export const addressCharacter =
  '[^\\s<>"`\\u200e\\u200f\\u2018-\\u201f\\u202a-\\u202e\\u2026\\u2066-\\u2069\\u3000-\\u303f\\uff00-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff40\\uff5b-\\uff65]';

/** Where a mention may start: at an @ that does not end a word, as it does in an e-mail address. */
export const mentionStart = `(?<!(?!${unspaced})[\\p{L}\\p{M}\\p{N}_])[@＠]`;

/** An address, whose @ calls nobody; else the start of a mention. */
const start = new RegExp(
  `(?:https?:\\/\\/|www\\.)${addressCharacter}+|${mentionStart}(?=[^\\s@＠])`,
  'giu',
);

/** Where a name may end: behind no space, and neither within a word nor within an e-mail address. */
const end = new RegExp(
  `(?<=\\S)(?!\\p{M}|[@＠][\\p{L}\\p{N}])(?:(?![\\p{L}\\p{N}])|(?=${unspaced})|(?<=${unspaced}\\p{M}*))`,
  'gu',
);

/** An @ of a text, and the names that may stand behind it, the longest first. */
export interface Candidates {
  readonly index: number;
  readonly names: readonly string[];
}

/**
 * The texts behind each @ of a message that could be a name, the longest first: names may hold
 * spaces and points, so "@anna b. said" may call "anna b." as well as "anna".
 */
export function nameCandidates(content: string): Candidates[] {
  // Most messages call nobody, and to look for nothing by a pattern costs more.
  if (!/[@＠]/.test(content)) return [];
  const found: Candidates[] = [];
  for (const { 0: text, index } of content.matchAll(start)) {
    if (text.length > 1) continue;
    if (found.length === mentionLimit) break;
    found.push({ index, names: namesIn(content.slice(index + 1)) });
  }
  return found;
}

/** One character more than a name has shows whether the longest ends where a name may. */
function namesIn(text: string): string[] {
  const characters = Array.from(text.slice(0, 2 * nameLength + 2)).slice(0, nameLength + 1);
  const behind = characters.join('');
  const longest = characters.slice(0, nameLength).join('').length;
  return Array.from(behind.matchAll(end), ({ index }) => index)
    .filter((index) => index <= longest)
    .map((index) => behind.slice(0, index))
    .reverse();
}

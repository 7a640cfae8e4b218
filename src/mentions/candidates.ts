/**
 * Finds the @names in a text: one rule for the server, which counts mentions, and for the client.
 */

/** A message has at most this many mentions; any further @ is plain text. */
const mentionLimit = 50;

/** The maximum length of a name, in code points; see users/schema.ts. */
const nameLength = 32;

/**
 * Letters of scripts without spaces between words, or, like Korean, with particles joined to names.
 */
export const unspaced =
  '[\\p{scx=Han}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Hang}\\p{scx=Thai}\\p{scx=Laoo}\\p{scx=Khmr}\\p{scx=Mymr}]';

/**
 * A character within a web address: no space, quote or direction mark, and no punctuation of
 * scripts without spaces, which follows an address directly.
 */
export const addressCharacter =
  '[^\\s<>"`\\u200e\\u200f\\u2018-\\u201f\\u202a-\\u202e\\u2026\\u2066-\\u2069\\u3000-\\u303f\\uff00-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff40\\uff5b-\\uff65]';

/**
 * The start of a mention: an @ that does not follow a word, as it does in an e-mail address. The @
 * comes first in the pattern, which makes a search for it fast.
 */
export const mentionStart = `[@＠](?<!(?!${unspaced})[\\p{L}\\p{M}\\p{N}_][@＠])`;

/** A web address, in which an @ mentions nobody, or the start of a mention. */
const start = new RegExp(
  `(?:https?:\\/\\/|www\\.)${addressCharacter}+|${mentionStart}(?=[^\\s@＠])`,
  'giu',
);

/** Where a name may end: not after a space, and not within a word or an e-mail address. */
const end = new RegExp(
  `(?<=\\S)(?!\\p{M}|[@＠][\\p{L}\\p{N}])(?:(?![\\p{L}\\p{N}])|(?=${unspaced})|(?<=${unspaced}\\p{M}*))`,
  'gu',
);

/** An @ in a text, and the names that may follow it, longest first. */
export interface Candidates {
  readonly index: number;
  readonly names: readonly string[];
}

/**
 * The texts after each @ of a message that could be a name, longest first. Names may contain spaces
 * and full stops, so "@anna b. said" may mention "anna b." as well as "anna". Code mentions nobody.
 */
export function nameCandidates(content: string): Candidates[] {
  // Most messages have no @, and this test is cheaper than the patterns below.
  if (!/[@＠]/.test(content)) return [];
  const found: Candidates[] = [];
  const text = withoutCode(content);
  for (const { 0: mark, index } of text.matchAll(start)) {
    if (mark.length > 1) continue;
    if (found.length === mentionLimit) break;
    found.push({ index, names: namesIn(text.slice(index + 1)) });
  }
  return found;
}

/** A mention in a text: where its @ is, and the name as written. */
interface Mention {
  readonly index: number;
  readonly name: string;
}

/** The mentions among candidates: the longest name counts, and an @ within it mentions nobody. */
export function chooseMentions(
  candidates: readonly Candidates[],
  isName: (name: string) => boolean,
): Mention[] {
  const chosen: Mention[] = [];
  let from = 0;
  for (const { index, names } of candidates) {
    const name = index < from ? undefined : names.find(isName);
    if (name === undefined) continue;
    chosen.push({ index, name });
    from = index + 1 + name.length;
  }
  return chosen;
}

/** The most UTF-16 code units that decide about the name after an @. */
const nameSpan = 2 * nameLength + 2;

/** One character beyond the maximum length shows whether the longest name ends where a name may. */
function namesIn(text: string): string[] {
  const characters = Array.from(text.slice(0, nameSpan)).slice(0, nameLength + 1);
  const behind = characters.join('');
  const longest = characters.slice(0, nameLength).join('').length;
  return Array.from(behind.matchAll(end), ({ index }) => index)
    .filter((index) => index <= longest)
    .map((index) => behind.slice(0, index))
    .reverse();
}

/** What may precede a code fence: indentation, and the marks of quotes and list items. */
const prefix = '[ \\t>]*(?:(?:[*+-]|\\d{1,9}[.)])[ \\t][ \\t>]*)*';
const fenceStart = new RegExp(`^(${prefix})(\`{3,}(?=[^\`]*$)|~{3,}(?=[^~]*$))`);
const itemStart = /^[ \t>]*(?:[*+-]|\d{1,9}[.)])[ \t]/;
const indented = /^(?: {4}|\t)[^\n]*\S/;
const blank = /^[ \t>]*$/;

/** Replaces each character of code with a line break, so that code mentions nobody. */
function withoutCode(content: string): string {
  if (!/`|~~~|^(?: {4}|\t)/m.test(content)) return content;
  const blocks: string[] = [];
  const lines = content.split('\n');
  let paragraph: string[] = [];
  let isInList = false;
  const endParagraph = () => {
    if (paragraph.length > 0) blocks.push(withoutSpans(paragraph.join('\n')));
    paragraph = [];
  };
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] as string;
    const isCode = paragraph.length === 0 && !isInList && indented.test(line);
    const length = isCode ? 1 : fencedLines(lines, at);
    if (length > 0 || blank.test(line) || itemStart.test(line)) endParagraph();
    if (length > 0) blocks.push(hidden(lines.slice(at, at + length).join('\n')));
    else if (blank.test(line)) blocks.push(line);
    else paragraph.push(line);
    if (/^\S/.test(line)) isInList = itemStart.test(line);
    at += length || 1;
  }
  endParagraph();
  return blocks.join('\n');
}

/**
 * The number of lines of a fenced code block that starts here; it ends with its quote or list item.
 */
function fencedLines(lines: readonly string[], at: number): number {
  const [, before = '', fence] = fenceStart.exec(lines[at] as string) ?? [];
  if (fence === undefined || at === lines.length - 1) return 0;
  const outside = before.includes('>') ? /^(?![ \t]*>)/ : /\S/.test(before) ? /^\S/ : undefined;
  for (let end = at + 1; end < lines.length; end++) {
    const line = lines[end] as string;
    if (outside?.test(line)) return end - at;
    const [marks = ''] = /[`~]*$/.exec(line.trimEnd()) ?? [];
    if (marks.includes(fence)) return end + 1 - at;
  }
  return lines.length - at;
}

/** Removes code between runs of equally many backticks, as in CommonMark. */
function withoutSpans(text: string): string {
  const runs = Array.from(text.matchAll(/`+/g), ({ 0: run, index }) => ({ run, index }));
  // For each run, the next one of the same length. Found from the end: a text may have thousands.
  const nextOf: (number | undefined)[] = [];
  const latest = new Map<string, number>();
  for (let i = runs.length - 1; i >= 0; i--) {
    const { run } = runs[i] as (typeof runs)[number];
    nextOf[i] = latest.get(run);
    latest.set(run, i);
  }
  let shown = '';
  let from = 0;
  for (let i = 0; i < runs.length; i++) {
    const { index } = runs[i] as (typeof runs)[number];
    const next = text.charAt(index - 1) === '\\' ? undefined : nextOf[i];
    const close = next === undefined ? undefined : runs[next];
    if (next === undefined || close === undefined) continue;
    const end = close.index + close.run.length;
    shown += text.slice(from, index) + hidden(text.slice(index, end));
    from = end;
    i = next;
  }
  return shown + text.slice(from);
}

function hidden(code: string): string {
  return '\n'.repeat(code.length);
}

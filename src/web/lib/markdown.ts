/**
 * Parses the Markdown of messages with `marked`, within bounds: any 4,000 characters take about
 * 25 ms, however nested. Without these bounds, `marked` overflows the stack on 1,000 nested quotes
 * and takes a second for nested lists.
 */
import { Lexer, type MarkedOptions, type Token, type Tokens } from 'marked';
import { canClose, canOpen } from './emphasis.ts';
import type { MentionFinder } from './mentions.ts';
import { ChatTokenizer } from './tokenizer.ts';

/**
 * Parses a text into blocks, and these into inline tokens. A text that cannot be parsed becomes one
 * plain paragraph.
 *
 * @param finder finds mentions, which become tokens of the type `mention`.
 */
export function readMarkdown(text: string, finder?: MentionFinder): Token[] {
  try {
    const { shown, mentionOf } = withStandIns(text, finder);
    const tokenizer = new ChatTokenizer(mentionOf.keys());
    const extensions = mentionOf.size > 0 && mentionTokens(mentionOf);
    const lexer = new Lexer({
      gfm: true,
      breaks: true,
      tokenizer,
      ...(extensions && { extensions }),
    });
    const tokens = joined(lexer.lex(shown));
    if (mentionOf.size > 0) putBack(tokens, mentionOf);
    return tokens;
  } catch {
    return [{ type: 'paragraph', raw: text, text, tokens: [{ type: 'text', raw: text, text }] }];
  }
}

/** The letters that can stand for mentions. No message contains all of them. */
const [firstStandIn, lastStandIn] = [0x3400, 0x4dbf];
const standIns = /[\u3400-\u4dbf]/g;

/**
 * Replaces each mention with a letter that the text does not contain, because a name may contain
 * marks, brackets and addresses: `marked` would find these before the mention, or end with them
 * what began before it.
 *
 * @returns the text, and the mention that each of the letters stands for.
 */
function withStandIns(text: string, finder?: MentionFinder) {
  const pieces = finder?.split(text) ?? [];
  const mentions = pieces.flatMap(({ text, isMention }) => (isMention ? [text] : []));
  const letters = lettersNotIn(text);
  const standInOf = new Map<string, string>();
  for (const mention of new Set(mentions)) standInOf.set(mention, letters.next().value);
  const shown = pieces.map(({ text, isMention }) => (isMention && standInOf.get(text)) || text);
  const mentionOf = new Map(Array.from(standInOf, ([mention, letter]) => [letter, mention]));
  return { shown: mentionOf.size > 0 ? shown.join('') : text, mentionOf };
}

function* lettersNotIn(text: string): Generator<string, never> {
  for (let code = firstStandIn; code <= lastStandIn; code++) {
    const letter = String.fromCharCode(code);
    if (!text.includes(letter)) yield letter;
  }
  throw new Error('the text has every letter that could stand for a mention');
}

/** Makes `marked` read the letter that stands for a mention as a token. */
function mentionTokens(mentionOf: ReadonlyMap<string, string>): MarkedOptions['extensions'] {
  const standIn = new RegExp(`[${[...mentionOf.keys()].join('')}]`);
  const read = (raw: string) =>
    mentionOf.has(raw) ? { type: 'mention', raw, text: raw } : undefined;
  return {
    renderers: {},
    childTokens: {},
    startInline: [(src) => src.search(standIn)],
    inline: [(src) => read(src.charAt(0))],
  };
}

/** Puts the mentions back into all texts of a token: also those of code and links. */
function putBack(token: object, mentionOf: ReadonlyMap<string, string>): void {
  for (const [key, value] of Object.entries(token)) {
    if (typeof value === 'object' && value !== null) putBack(value, mentionOf);
    if (typeof value !== 'string' || value.search(standIns) < 0) continue;
    const text = value.replace(standIns, (letter) => mentionOf.get(letter) ?? letter);
    Object.assign(token, { [key]: text });
  }
}

/** Rejoins paragraphs that `marked` splits at a line that looks like a block but is none here. */
function joined(tokens: Token[]): Token[] {
  const blocks: Token[] = [];
  for (const token of tokens) {
    const last = blocks.at(-1);
    if (token.type === 'paragraph' && last?.type === 'paragraph') {
      const { tokens: before = [] } = last as Tokens.Paragraph;
      const { tokens: after = [] } = token as Tokens.Paragraph;
      before.push({ type: 'br', raw: '\n' }, ...after);
    } else blocks.push(token);
  }
  return blocks;
}

/** A preview uses the first 300 UTF-16 code units of a text. */
const previewLength = 300;

/**
 * A message in one line, without its marks, for a preview. It is never empty.
 *
 * @param finder finds mentions, whose names stay whole.
 */
export function plainText(text: string, finder?: MentionFinder): string {
  const start = text.slice(0, previewLength);
  return (
    inOneLine(readMarkdown(start, finder).map(plain).join(' ')) ||
    inOneLine(start) ||
    inOneLine(text)
  );
}

/** A piece of a preview, and whether it is a word that was searched for. */
export interface Piece {
  readonly text: string;
  readonly isFound: boolean;
}

/** Letters around found words while marks are parsed; nobody writes in these scripts in a chat. */
const [opening, closing] = ['\ua78f', '\ua7f7'];

/**
 * An extract of a message in one line, without its marks.
 *
 * @param found the places of the words found, [start, end) in UTF-16 code units.
 */
export function plainPieces(text: string, found: readonly (readonly number[])[]): Piece[] {
  let tagged = '';
  let at = 0;
  for (const [start = 0, end = 0] of found) {
    tagged += `${text.slice(at, start)}${opening}${text.slice(start, end)}${closing}`;
    at = end;
  }
  tagged += text.slice(at);
  const shown = withoutHalves(inOneLine(readMarkdown(tagged).map(plain).join(' ')));
  const parts = (shown || inOneLine(tagged)).split(/\ua78f([^\ua7f7]*)\ua7f7/);
  return parts.map((part, index) => ({
    text: part.replace(/[\ua78f\ua7f7]/g, ''),
    isFound: index % 2 === 1,
  }));
}

/** Removes marks whose other half is beyond the end of an extract. */
function withoutHalves(text: string): string {
  if (!text.startsWith('…') && !text.endsWith('…')) return text;
  return text.replace(/\*{1,3}|_{1,3}|~{1,2}|`+/g, (mark, at: number) => {
    const before = text.slice(0, at).at(-1) ?? '';
    const after = text.slice(at + mark.length);
    const isHalf =
      mark.startsWith('`') ||
      (canOpen(before === '…' ? '' : before, after.charAt(0)) && after !== '…') ||
      canClose(mark.charAt(0), before, after);
    return isHalf ? '' : mark;
  });
}

const inOneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

function plain(token: Token): string {
  if (token.type === 'list') return (token as Tokens.List).items.map(plain).join(' ');
  if (token.type === 'blockquote' || token.type === 'list_item') return blocksOf(token);
  if (token.type === 'table') return plainTable(token as Tokens.Table);
  if (token.type === 'checkbox') return token.checked ? '☑ ' : '☐ ';
  if (token.type === 'br') return ' ';
  if (token.type === 'hr' || token.type === 'image') return token.raw;
  if ('tokens' in token && token.tokens !== undefined) return token.tokens.map(plain).join('');
  return 'text' in token ? String(token.text) : '';
}

/** Joins blocks with spaces; the box of a task has its own. */
function blocksOf(token: Token): string {
  const { tokens } = token as Tokens.Blockquote;
  return tokens.map(plain).join(' ');
}

function plainTable({ header, rows }: Tokens.Table): string {
  const lines = [header, ...rows];
  return lines
    .map((cells) => cells.map((cell) => cell.tokens.map(plain).join('')).join(' | '))
    .join(' · ');
}

/**
 * Parses the Markdown of messages with `marked`, within bounds: any 4,000 characters take about
 * 25 ms, however nested. Without these bounds, `marked` overflows the stack on 1,000 nested quotes
 * and takes a second for nested lists.
 */
import { Lexer, type MarkedOptions, type Token, type Tokens } from 'marked';
import { mentionLimit, mentionStart } from '../../mentions/candidates.ts';
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
    const tokenizer = new ChatTokenizer();
    const extensions = finder && mentionTokens(text, finder);
    const lexer = new Lexer({
      gfm: true,
      breaks: true,
      tokenizer,
      ...(extensions && { extensions }),
    });
    return joined(lexer.lex(text));
  } catch {
    return [{ type: 'paragraph', raw: text, text, tokens: [{ type: 'text', raw: text, text }] }];
  }
}

/**
 * Makes `marked` read each mention whole, before the marks and addresses that a name may contain,
 * such as `joe@corp.example`. Undefined if the text has no mentions.
 */
function mentionTokens(text: string, finder: MentionFinder): MarkedOptions['extensions'] {
  const found = finder.split(text).filter(({ isMention }) => isMention);
  if (found.length === 0) return undefined;
  const names = new Set(found.map(({ text }) => text.slice(1).replace(syntax, '\\$&')));
  const mention = new RegExp(`${mentionStart}(?:${[...names].join('|')})`, 'u');
  let left = mentionLimit;
  const read = (src: string, tokens: readonly Token[]) => {
    const before = tokens.at(-1)?.raw.slice(-2) ?? '';
    const raw = finder.at(before + src, before.length);
    return raw === undefined ? undefined : { type: 'mention', raw, text: raw };
  };
  return {
    renderers: {},
    childTokens: {},
    startInline: [(src) => src.search(mention)],
    inline: [(src, tokens) => (/^[@＠]/.test(src) && left-- > 0 ? read(src, tokens) : undefined)],
  };
}

/** Characters with a meaning in a regular expression. */
const syntax = /[\\^$.*+?()[\]{}|/]/g;

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

/** A message in one line, without its marks, for a preview. It is never empty. */
export function plainText(text: string): string {
  const start = text.slice(0, previewLength);
  return inOneLine(readMarkdown(start).map(plain).join(' ')) || inOneLine(start) || inOneLine(text);
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

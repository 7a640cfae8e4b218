/**
 * The Markdown of messages, read by `marked` within bounds: any 4,000 characters are read in some
 * 25 ms, however they are nested. `marked` alone overflows the stack on 1,000 nested quotes and
 * takes a second for nested lists.
 */
import { Lexer, type Token, Tokenizer, type Tokens } from 'marked';

/** Quotes, lists, emphasis and links within each other, at most. What is deeper stays text. */
const deepest = 20;

/** A list is read as one while at most 300 lines follow its start. */
const mostLines = 300;

/** What may be spent on the marks of one text, in the units below; the rest stays text. */
const budget = 100_000;

/** The cost of one mark that may open a link or emphasis: up to 1,000 of them are read. */
const markCost = 100;

/** The cost of each character in a nested list or quote, whose lines are read again at each level. */
const nestedCost = 5;

/** A mark that can open an emphasis: at most six characters of one kind, and no space behind. */
const opening = /^([*_~])\1{0,5}(?!\1|\s|$)/;

const inWord = /[\p{L}\p{N}]$/u;

/** Reads what the client draws, and spends no more than the budget on one text. */
class BoundedTokenizer extends Tokenizer {
  #depth = 0;
  #left = budget;

  override blockquote(src: string) {
    return this.#nested(this.#blockCost(src), () => super.blockquote(src));
  }

  override list(src: string) {
    // The marker of each item costs the browser more than a line of text.
    if (src.split('\n', mostLines + 1).length > mostLines) return undefined;
    return this.#nested(this.#blockCost(src), () => super.list(src));
  }

  override link(src: string) {
    return /^!?\[/.test(src) ? this.#mark(src, () => super.link(src)) : undefined;
  }

  override emStrong(src: string, masked: string, before = '') {
    const canOpen = opening.test(src) && !(src.startsWith('_') && inWord.test(before));
    return canOpen ? this.#mark(src, () => super.emStrong(src, masked, before)) : undefined;
  }

  override del(src: string, masked: string, before = '') {
    return opening.test(src) ? this.#mark(src, () => super.del(src, masked, before)) : undefined;
  }

  // Shown as they were written, so nothing is spent on them.
  override heading = nothing;
  override lheading = nothing;
  override hr = nothing;
  override html = nothing;
  override def = nothing;
  override table = nothing;
  override tag = nothing;
  override reflink = nothing;

  /** A text is free at the first level: its characters are read once. */
  #blockCost(src: string): number {
    return this.#depth === 0 ? 0 : nestedCost * src.length;
  }

  /** A mark without a counterpart has had all that follows looked through for it. */
  #mark<Found>(src: string, read: () => Found | undefined): Found | undefined {
    const found = this.#nested(markCost, read);
    if (found === undefined) this.#left -= src.length;
    return found;
  }

  #nested<Found>(cost: number, read: () => Found | undefined): Found | undefined {
    if (this.#depth === deepest || this.#left < cost) return undefined;
    this.#left -= cost;
    this.#depth += 1;
    try {
      return read();
    } finally {
      this.#depth -= 1;
    }
  }
}

function nothing(): undefined {}

/**
 * Takes a text apart into blocks, and these into inlines. A text that cannot be read is one
 * paragraph without marks.
 */
export function readMarkdown(text: string): Token[] {
  try {
    return new Lexer({ gfm: true, breaks: true, tokenizer: new BoundedTokenizer() }).lex(text);
  } catch {
    return [{ type: 'paragraph', raw: text, text, tokens: [{ type: 'text', raw: text, text }] }];
  }
}

/** A preview reads the first 300 UTF-16 code units of a text. */
const previewLength = 300;

/** A message in one line, without its marks: as a preview shows it. */
export function plainText(text: string): string {
  const tokens = readMarkdown(text.slice(0, previewLength));
  return tokens.map(plain).join(' ').replace(/\s+/g, ' ').trim();
}

function plain(token: Token): string {
  if (token.type === 'list') return (token as Tokens.List).items.map(plain).join(' ');
  if (token.type === 'br') return ' ';
  if ('tokens' in token && token.tokens !== undefined) return token.tokens.map(plain).join('');
  return 'text' in token ? String(token.text) : '';
}

/**
 * The subset of Markdown that the client draws. `marked` finds the tokens within a budget. The
 * rules for emphasis, quotes, backslashes and addresses differ from CommonMark's, which would
 * change what people write in a chat.
 */
import { type Token, Tokenizer, type Tokens } from 'marked';
import { addressAt, hrefOf, isFollowed } from './addresses.ts';
import { canClose, canOpen, closingMarks, openingMarks } from './emphasis.ts';

/** The maximum nesting of quotes, lists, emphasis and links; deeper ones stay text. */
const deepest = 20;

/** A list is parsed only if at most 300 lines of text are left from its start. */
const mostLines = 300;

/** A table has at most 20 columns and 300 cells; a larger one stays text. */
const mostColumns = 20;
const mostCells = 300;

/**
 * The budget for the marks of one text, in the units below; once it is spent, the rest stays text.
 */
const budget = 100_000;

/** The cost of one quote. */
const quoteCost = 250;

/** The cost of one table. */
const tableCost = 1_000;

/** The cost of one mark that may open a link or emphasis: at most 1,000 are parsed. */
const markCost = 100;

/**
 * The cost of each character in a nested list or quote: its lines are parsed again at each level.
 */
const nestedCost = 5;

/** Fenced code. The closing fence may be at the end of a line of code, as people write it. */
const fence =
  /^ {0,3}(`{3,}(?=[^`\n]*\n)|~{3,}(?=[^~\n]*\n))([^\n]*)\n([\s\S]*?)(?:\n? {0,3}\1[`~]*[ \t]*(?=\n|$)|$)/;

/** The name of a language after a fence; anything else there is code. */
const language = /^[ \t]*[\w+#.-]{0,30}[ \t]*$/;

/** A line that starts a quote. It needs a space, because `>_<` and `>100` are not quotes. */
const quoteStart = /^ {0,3}>+[ \t]+\S/;
const quoteLine = /^ {0,3}>(?=>*(?:[ \t]|$))[ \t]?/;

const listStart = /^ {0,3}(?:[*+-]|\d{1,9}[.)])[ \t]+\S/;
/** A line that continues a list: the next item, an indented line, or an empty one. */
const listLine = /^(?: {0,3}(?:[*+-]|\d{1,9}[.)])(?:[ \t]|$)|[ \t]|$)/;

/** The start of a block that a backslash at the start of a line escapes. */
const blockMark = /^\\(?:#{1,6}[ \t]|>+[ \t]|[*+-][ \t]|(?:-[ \t]*){3,}(?:\n|$)|`{3}|~{3})/;
/** The same after the number of a list item. */
const itemMark = /^\\[.)][ \t]/;
const linkMark = /^\\!?\[[^\]\n]{0,500}\]\(/;
const angleMark = /^\\<(?:https?:|mailto:|[^\s<>@]{1,64}@)/i;

/** Finds the tokens that the client draws, within the budget for one text. */
export class ChatTokenizer extends Tokenizer {
  #depth = 0;
  #left = budget;
  /** The current text, and the kinds of marks in it that did not open because of a backslash. */
  #masked = '';
  #escapedMarks = new Set<string>();
  readonly #standIns: ReadonlySet<string>;

  /** @param standIns letters that stand for mentions. */
  constructor(standIns: Iterable<string>) {
    super();
    this.#standIns = new Set(standIns);
  }

  override code(src: string) {
    const found = this.#unlessMentioning(super.code(src));
    return found && { ...found, text: found.raw.trimEnd() };
  }

  override fences(src: string): Tokens.Code | undefined {
    return this.#unlessMentioning(this.#fences(src));
  }

  override heading(src: string) {
    return this.#onlyIf(
      () => super.heading(src),
      ({ text }) => text !== '',
    );
  }

  override blockquote(src: string): Tokens.Blockquote | undefined {
    if (!quoteStart.test(src)) return undefined;
    return this.#nested(quoteCost + this.#blockCost(src), () =>
      this.#quote(linesWhile(src, quoteLine)),
    );
  }

  override list(src: string) {
    if (!listStart.test(src)) return undefined;
    // The marker of an item costs the browser more than a line of text.
    if (src.split('\n', mostLines + 1).length > mostLines) return undefined;
    const text = linesWhile(src, listLine).join('\n');
    return this.#nested(this.#blockCost(text), () => super.list(text));
  }

  override table(src: string) {
    const columns = /^[^\n]*/.exec(src)?.[0].split('|').length ?? 0;
    if (columns > mostColumns + 1) return undefined;
    return this.#onlyIf(
      () => this.#nested(tableCost, () => super.table(src)),
      ({ raw, header, rows }) =>
        header.length * rows.length <= mostCells &&
        // GFM would drop cells beyond the last column.
        raw.split('\n').every((line) => cellsIn(line) <= header.length),
    );
  }

  override link(src: string) {
    if (!/^!?\[/.test(src)) return undefined;
    const link = this.#mark(src, () => super.link(src));
    return link && this.#drawsMentions(link) ? link : undefined;
  }

  /** Handles escapes too, because only this method knows the text before them. */
  override emStrong(
    src: string,
    masked: string,
    before = '',
  ): Tokens.Em | Tokens.Strong | undefined {
    if (masked !== this.#masked) {
      this.#masked = masked;
      this.#escapedMarks.clear();
    }
    if (src.startsWith('\\')) return this.#escaped(src, before) as Tokens.Em | undefined;
    const marks = src.startsWith('~') ? '' : openingMarks(src, before);
    if (marks === '') return undefined;
    return this.#mark(src, () => this.#emphasis(src, masked, marks)) as Tokens.Em | undefined;
  }

  override del(src: string, masked: string, before = ''): Tokens.Del | undefined {
    const marks = src.startsWith('~') ? openingMarks(src, before) : '';
    if (marks === '') return undefined;
    return this.#mark(src, () => this.#emphasis(src, masked, marks)) as Tokens.Del | undefined;
  }

  override autolink(src: string) {
    return this.#unlessMentioning(super.autolink(src));
  }

  override codespan(src: string) {
    const found = this.#unlessMentioning(super.codespan(src));
    return found?.text.trim() === '' ? undefined : found;
  }

  override br(src: string) {
    // A backslash at the end of a line stays a backslash.
    return src.startsWith('\\') ? undefined : super.br(src);
  }

  override url(src: string): Tokens.Link | undefined {
    if (!/^(?:https?:|www\.)/i.test(src)) return super.url(src);
    const text = addressAt(src);
    if (text === undefined) return undefined;
    const tokens: Token[] = [{ type: 'text', raw: text, text }];
    return { type: 'link', raw: text, text, href: hrefOf(text), tokens };
  }

  // These are shown as written, and cost nothing.
  override escape = nothing;
  override lheading = nothing;
  override html = nothing;
  override def = nothing;
  override tag = nothing;
  override reflink = nothing;

  #fences(src: string): Tokens.Code | undefined {
    const [raw, , info = '', body = ''] = fence.exec(src) ?? [];
    if (raw === undefined) return undefined;
    const isNamed = language.test(info);
    const text = isNamed ? body : `${info}\n${body}`;
    // An empty box would hide the text.
    if (text.trim() === '') return undefined;
    return { type: 'code', raw, lang: isNamed ? info.trim() : '', text };
  }

  /** Code and addresses mention nobody: one with a mention is none by the server's rule. */
  #unlessMentioning<Found extends Token>(found: Found | undefined): Found | undefined {
    return found && this.#mentionsIn(found.raw) > 0 ? undefined : found;
  }

  /** Whether a link or an image leaves all mentions visible; the server counts them anywhere. */
  #drawsMentions({ type, raw, text, href }: Tokens.Link | Tokens.Image): boolean {
    const all = this.#mentionsIn(raw);
    return all === 0 || (type === 'link' && isFollowed(href) && all === this.#mentionsIn(text));
  }

  #mentionsIn(text: string): number {
    return Array.from(text).filter((letter) => this.#standIns.has(letter)).length;
  }

  /** Every line of a quote must have its own mark. */
  #quote(lines: string[]): Tokens.Blockquote {
    const text = lines.map((line) => line.replace(quoteLine, '')).join('\n');
    const { state } = this.lexer;
    const { top } = state;
    state.top = true;
    const tokens = this.lexer.blockTokens(text, []);
    state.top = top;
    return { type: 'blockquote', raw: lines.join('\n'), text, tokens };
  }

  #emphasis(src: string, masked: string, marks: string): Token | undefined {
    const length = closingMarks(masked.slice(masked.length - src.length + marks.length), marks);
    if (length < 0) {
      this.#escapedMarks.add(marks.charAt(0));
      return undefined;
    }
    const text = src.slice(marks.length, marks.length + length);
    const raw = marks + text + marks;
    const tokens = this.lexer.inlineTokens(text);
    if (marks.startsWith('~')) return { type: 'del', raw, text, tokens };
    if (marks.length < 3) return { type: marks.length === 1 ? 'em' : 'strong', raw, text, tokens };
    const strong = { type: 'strong', raw: text, text, tokens };
    return { type: 'em', raw, text, tokens: [strong] };
  }

  /** Removes a backslash only where a mark would follow: `C:\_temp` keeps it. */
  #escaped(src: string, before: string): Token | undefined {
    const isMark =
      this.#keepsMark(src, before) ||
      linkMark.test(src) ||
      angleMark.test(src) ||
      (/^[\n]?$/.test(before) && blockMark.test(src)) ||
      (/\d$/.test(before) && itemMark.test(src));
    if (!isMark) return undefined;
    return { type: 'escape', raw: src.slice(0, 2), text: src.charAt(1) };
  }

  /** Whether a mark of emphasis or code has its counterpart before or after it. */
  #keepsMark(src: string, before: string): boolean {
    const mark = src.charAt(1);
    if (!'*_~`'.includes(mark) || mark === '') return false;
    const rest = src.slice(2);
    if (this.#escapedMarks.has(mark) && (mark === '`' || canClose(mark, before, rest))) return true;
    const opens = mark === '`' || canOpen(before, rest.replace(/^\\/, '').charAt(0));
    const isPair = opens && hasClosing(rest, mark);
    if (isPair) this.#escapedMarks.add(mark);
    return isPair;
  }

  /**
   * Parses a block and drops it unless it fits. Its texts are removed from the lexer's queue too,
   * because the lexer joins the next line to the last paragraph in that queue.
   */
  #onlyIf<Block>(read: () => Block | undefined, fits: (block: Block) => boolean) {
    const { inlineQueue } = this.lexer;
    const { length } = inlineQueue;
    const block = read();
    if (block !== undefined && fits(block)) return block;
    inlineQueue.length = length;
    return undefined;
  }

  /** The first level is free: its characters are parsed once. */
  #blockCost(src: string): number {
    return this.#depth === 0 ? 0 : nestedCost * src.length;
  }

  /** A mark without a counterpart also costs the text that was searched for it. */
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

/** The number of cells in a line of a table; escaped pipes and those at the ends do not count. */
function cellsIn(line: string): number {
  return line
    .replace(/\\./g, '-')
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|').length;
}

/** The first lines of a text, up to one that does not match. */
function linesWhile(text: string, fits: RegExp): string[] {
  const lines: string[] = [];
  for (let from = 0; from <= text.length; ) {
    const end = text.indexOf('\n', from);
    const line = text.slice(from, end < 0 ? text.length : end);
    if (!fits.test(line)) break;
    lines.push(line);
    from = end < 0 ? text.length + 1 : end + 1;
  }
  return lines;
}

/**
 * Whether a mark that could close one of its kind follows, with or without a backslash before it.
 */
function hasClosing(text: string, mark: string): boolean {
  for (let at = text.indexOf(mark, 1); at >= 0; at = text.indexOf(mark, at + 1)) {
    const before = text.charAt(text.charAt(at - 1) === '\\' ? at - 2 : at - 1);
    if (mark === '`' || canClose(mark, before, text.slice(at + 1, at + 9))) return true;
  }
  return false;
}

/**
 * What of Markdown the client draws. `marked` finds the tokens within a budget; the rules that would
 * change what people write in a chat are others than CommonMark's: emphasis, quotes, backslashes,
 * addresses.
 */
import { type Token, Tokenizer, type Tokens } from 'marked';
import { addressAt, hrefOf } from './addresses.ts';
import { canClose, canOpen, closingMarks, openingMarks } from './emphasis.ts';

/** Quotes, lists, emphasis and links within each other, at most. What is deeper stays text. */
const deepest = 20;

/** A list is read as one while at most 300 lines follow its start. */
const mostLines = 300;

/** A table has at most 20 columns and 300 cells; a larger one stays lines. */
const mostColumns = 20;
const mostCells = 300;

/** What may be spent on the marks of one text, in the units below; the rest stays text. */
const budget = 100_000;

/** The cost of one quote. */
const quoteCost = 250;

/** The cost of one table. */
const tableCost = 1_000;

/** The cost of one mark that may open a link or emphasis: up to 1,000 of them are read. */
const markCost = 100;

/** The cost of each character in a nested list or quote, whose lines are read again at each level. */
const nestedCost = 5;

/** Code between fences. The last one may stand at the end of a line of code, as people write it. */
const fence =
  /^ {0,3}(`{3,}(?=[^`\n]*\n)|~{3,}(?=[^~\n]*\n))([^\n]*)\n([\s\S]*?)(?:\n? {0,3}\1[`~]*[ \t]*(?=\n|$)|$)/;

/** What behind a fence names a language; all else there is code. */
const language = /^[ \t]*[\w+#.-]{0,30}[ \t]*$/;

/** A line that starts a quote: with a space, because `>_<` and `>100` are none. */
const quoteStart = /^ {0,3}>+[ \t]+\S/;
const quoteLine = /^ {0,3}>(?=>*(?:[ \t]|$))[ \t]?/;

const listStart = /^ {0,3}(?:[*+-]|\d{1,9}[.)])[ \t]+\S/;
/** A line that goes on with a list: the next item, what is indented, or nothing. */
const listLine = /^(?: {0,3}(?:[*+-]|\d{1,9}[.)])(?:[ \t]|$)|[ \t]|$)/;

/** What a backslash at the start of a line can keep from being a block. */
const blockMark = /^\\(?:#{1,6}[ \t]|>+[ \t]|[*+-][ \t]|(?:-[ \t]*){3,}(?:\n|$)|`{3}|~{3})/;
/** The same behind the number of an item. */
const itemMark = /^\\[.)][ \t]/;
const linkMark = /^\\!?\[[^\]\n]{0,500}\]\(/;
const angleMark = /^\\<(?:https?:|mailto:|[^\s<>@]{1,64}@)/i;

/** Reads what the client draws, and spends no more than the budget on one text. */
export class ChatTokenizer extends Tokenizer {
  #depth = 0;
  #left = budget;
  /** The text that is being read, and the marks of it that a backslash has kept from opening. */
  #masked = '';
  #kept = new Set<string>();

  override code(src: string) {
    const found = super.code(src);
    return found && { ...found, text: found.raw.trimEnd() };
  }

  override fences(src: string): Tokens.Code | undefined {
    const [raw, , info = '', body = ''] = fence.exec(src) ?? [];
    if (raw === undefined) return undefined;
    const isNamed = language.test(info);
    const text = isNamed ? body : `${info}\n${body}`;
    // An empty box would hide what was written.
    if (text.trim() === '') return undefined;
    return { type: 'code', raw, lang: isNamed ? info.trim() : '', text };
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
    // The marker of each item costs the browser more than a line of text.
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
        // GFM would drop the cells that have no column.
        raw.split('\n').every((line) => cellsIn(line) <= header.length),
    );
  }

  override link(src: string) {
    return /^!?\[/.test(src) ? this.#mark(src, () => super.link(src)) : undefined;
  }

  /** An escape too: only here it is known what stands before it. */
  override emStrong(
    src: string,
    masked: string,
    before = '',
  ): Tokens.Em | Tokens.Strong | undefined {
    if (masked !== this.#masked) {
      this.#masked = masked;
      this.#kept.clear();
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

  override codespan(src: string) {
    const found = super.codespan(src);
    return found?.text.trim() === '' ? undefined : found;
  }

  override br(src: string) {
    // A backslash at the end of a line is one.
    return src.startsWith('\\') ? undefined : super.br(src);
  }

  override url(src: string): Tokens.Link | undefined {
    if (!/^(?:https?:|www\.)/i.test(src)) return super.url(src);
    const text = addressAt(src);
    if (text === undefined) return undefined;
    const tokens: Token[] = [{ type: 'text', raw: text, text }];
    return { type: 'link', raw: text, text, href: hrefOf(text), tokens };
  }

  // Shown as they were written, so nothing is spent on them.
  override escape = nothing;
  override lheading = nothing;
  override html = nothing;
  override def = nothing;
  override tag = nothing;
  override reflink = nothing;

  /** No line without a mark of its own is in a quote. */
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
      this.#kept.add(marks.charAt(0));
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

  /** A backslash goes only if what follows would be a mark here: `C:\_temp` keeps it. */
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

  /** Whether a mark of emphasis or code has its counterpart before or behind it. */
  #keepsMark(src: string, before: string): boolean {
    const mark = src.charAt(1);
    if (!'*_~`'.includes(mark) || mark === '') return false;
    const rest = src.slice(2);
    if (this.#kept.has(mark) && (mark === '`' || canClose(mark, before, rest))) return true;
    const opens = mark === '`' || canOpen(before, rest.replace(/^\\/, '').charAt(0));
    const isPair = opens && hasClosing(rest, mark);
    if (isPair) this.#kept.add(mark);
    return isPair;
  }

  /**
   * Reads a block and drops it unless it fits. Its texts leave the lexer's queue with it: the lexer
   * joins the next line to the paragraph that stands last in that queue.
   */
  #onlyIf<Block>(read: () => Block | undefined, fits: (block: Block) => boolean) {
    const { inlineQueue } = this.lexer;
    const { length } = inlineQueue;
    const block = read();
    if (block !== undefined && fits(block)) return block;
    inlineQueue.length = length;
    return undefined;
  }

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

/** The cells of a table's line: an escaped pipe parts none, nor do those at the ends. */
function cellsIn(line: string): number {
  return line
    .replace(/\\./g, '-')
    .trim()
    .replace(/^\||\|$/g, '')
    .split('|').length;
}

/** The first lines of a text, up to one that does not fit. */
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

/** Whether a mark follows that could close one of its kind, with a backslash before it or not. */
function hasClosing(text: string, mark: string): boolean {
  for (let at = text.indexOf(mark, 1); at >= 0; at = text.indexOf(mark, at + 1)) {
    const before = text.charAt(text.charAt(at - 1) === '\\' ? at - 2 : at - 1);
    if (mark === '`' || canClose(mark, before, text.slice(at + 1, at + 9))) return true;
  }
  return false;
}

/**
 * Draws a subset of Markdown. Each token becomes an element; no user's text is ever parsed as HTML,
 * so nothing needs sanitising.
 */
import type { Token, Tokens } from 'marked';
import { type ComponentChildren, Fragment } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { isFollowed } from '../lib/addresses.ts';
import { directionOf } from '../lib/bidi.ts';
import { readMarkdown } from '../lib/markdown.ts';
import { isOwnMention, mentionsOf } from '../state/mentions.ts';
import { texts } from '../texts/index.ts';
import { Boundary } from './boundary.tsx';
import { CopyButton } from './copy.tsx';

interface Props {
  readonly text: string;
  readonly chatId: number;
}

/** The text of a message; if it cannot be drawn, it is shown as written. */
export function Markdown({ text, chatId }: Props) {
  return (
    <Boundary fallback={<Plain text={text} />}>
      <Text text={text} chatId={chatId} />
    </Boundary>
  );
}

function Plain({ text }: { text: string }) {
  return (
    <p class="text" dir="auto">
      {text}
    </p>
  );
}

function Text({ text, chatId }: Props) {
  const finder = mentionsOf(chatId, text);
  const tokens = useMemo(() => readMarkdown(text, finder), [text, finder]);
  return <div class="text">{tokens.map(block)}</div>;
}

/** Draws a block; unknown ones are shown as written. */
function block(token: Token, key: number): ComponentChildren {
  switch (token.type) {
    case 'space':
      return <Blank key={key} raw={token.raw} />;
    case 'code':
      return <Code key={key} token={token as Tokens.Code} canCopy={key < mostCopied} />;
    case 'blockquote':
      return (
        <blockquote key={key} dir={directionOf(token.text)}>
          {blocks(token.tokens)}
        </blockquote>
      );
    case 'list':
      return list(token as Tokens.List, key);
    case 'table':
      return table(token as Tokens.Table, key);
    case 'heading':
      return (
        <p key={key} class="heading" data-depth={token.depth} dir="auto">
          {inlines(token.tokens)}
        </p>
      );
    case 'hr':
      return <hr key={key} />;
    case 'checkbox':
      return inline(token, key);
    case 'paragraph':
      return (
        <p key={key} dir="auto">
          {inlines(token.tokens)}
        </p>
      );
    case 'text':
      // In a tight list, which may have a thousand items: saves an element for each.
      return <Fragment key={key}>{inlines(token.tokens, token.text)}</Fragment>;
    default:
      return (
        <p key={key} dir="auto">
          {token.raw.trimEnd()}
        </p>
      );
  }
}

/** Keeps empty lines between blocks beyond the first, which the style replaces by a gap. */
function Blank({ raw }: { raw: string }) {
  const more = raw.split('\n').length - 3;
  return more > 0 ? <p>{'\n'.repeat(more)}</p> : null;
}

/**
 * Only the first blocks of a text have a copy button, which costs the browser more than the code.
 */
const mostCopied = 40;

function Code({ token: { text, lang }, canCopy }: { token: Tokens.Code; canCopy: boolean }) {
  const code = useRef<HTMLElement>(null);
  return (
    <div class="code">
      {lang && <small>{lang}</small>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard. */}
      <pre tabIndex={0} dir="auto">
        <code ref={code}>{text}</code>
      </pre>
      {canCopy && <CopyButton text={text} shown={code} />}
    </div>
  );
}

/** Draws a list; an ordered one has the numbers that its author typed. */
function list({ ordered, start, items, loose }: Tokens.List, key: number) {
  const entries = items.map((item, index) => {
    const number = ordered ? Number.parseInt(item.raw.trimStart(), 10) : undefined;
    return (
      <li
        key={index}
        value={number === Number(start) + index ? undefined : number}
        class={item.task ? 'task' : undefined}
        // The paragraphs of a loose item have a direction of their own.
        dir={loose ? directionOf(item.text) : 'auto'}
      >
        {blocks(item.tokens)}
      </li>
    );
  });
  return ordered ? (
    <ol
      key={key}
      start={Number(start)}
      data-mark={/^\s*\d+\)/.test(items[0]?.raw ?? '') ? ')' : undefined}
    >
      {entries}
    </ol>
  ) : (
    <ul key={key}>{entries}</ul>
  );
}

function table({ header, rows, raw }: Tokens.Table, key: number) {
  const row = (cells: Tokens.TableCell[]) =>
    cells.map(({ header: isHead, align, tokens }, index) => {
      // An empty cell is not a heading.
      const Cell = isHead && tokens.length > 0 ? 'th' : 'td';
      return (
        <Cell key={index} data-align={align ?? undefined} dir="auto">
          {inlines(tokens)}
        </Cell>
      );
    });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
    <div key={key} class="table" dir={directionOf(raw)} tabIndex={0}>
      <table>
        <thead>
          <tr>{row(header)}</tr>
        </thead>
        <tbody>
          {rows.map((cells, index) => (
            <tr key={index}>{row(cells)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function blocks(tokens: Token[] | undefined): ComponentChildren {
  return tokens?.map(block);
}

function inlines(tokens: Token[] | undefined, text = ''): ComponentChildren {
  return tokens === undefined ? text : tokens.map(inline);
}

function inline(token: Token, key: number): ComponentChildren {
  switch (token.type) {
    case 'strong':
      return <strong key={key}>{inlines(token.tokens)}</strong>;
    case 'em':
      return <em key={key}>{inlines(token.tokens)}</em>;
    case 'del':
      return <del key={key}>{inlines(token.tokens)}</del>;
    case 'codespan':
      return (
        <code key={key} dir="auto">
          {token.text}
        </code>
      );
    case 'br':
      return <br key={key} />;
    case 'checkbox':
      return (
        <input
          key={key}
          type="checkbox"
          checked={token.checked}
          disabled
          aria-label={token.checked ? texts.taskDone : texts.taskOpen}
        />
      );
    case 'link':
      return link(token as Tokens.Link, key);
    case 'text':
    case 'escape':
      return token.text;
    case 'mention':
      return (
        <b
          key={key}
          class="mention"
          dir="auto"
          data-own={isOwnMention(token.text) ? '' : undefined}
        >
          {token.text}
        </b>
      );
    default:
      return token.raw;
  }
}

/** Draws a link to the web or to a mailbox; any other is shown as written. */
function link({ href, raw, tokens }: Tokens.Link, key: number): ComponentChildren {
  if (!isFollowed(href)) return raw;
  return (
    <a key={key} href={href} dir="auto" target="_blank" rel="noopener noreferrer nofollow">
      {inlines(tokens)}
    </a>
  );
}

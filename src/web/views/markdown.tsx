/**
 * A small Markdown: what `marked` reads is made into elements here, one by one. No text of anybody
 * is ever taken as HTML, so there is nothing to be cleaned.
 */
import { lexer, type Token, type Tokens } from 'marked';
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { account } from '../state/account.ts';
import { membersOf } from '../state/members.ts';

interface Props {
  readonly text: string;
  readonly chatId: number;
}

export function Markdown({ text, chatId }: Props) {
  const tokens = useMemo(() => lexer(text, { gfm: true, breaks: true }), [text]);
  const names = membersOf(chatId).map((member) => member.name);
  return <div class="text">{tokens.map((token, index) => block(token, names, index))}</div>;
}

/** As much of a text is looked at for a preview, in UTF-16 code units. */
const previewLength = 300;

/** A message in one line, without its marks: as a preview shows it. */
export function plainText(text: string): string {
  const tokens = lexer(text.slice(0, previewLength), { gfm: true, breaks: true });
  return tokens.map(plain).join(' ').replace(/\s+/g, ' ').trim();
}

function plain(token: Token): string {
  if (token.type === 'list') return (token as Tokens.List).items.map(plain).join(' ');
  if (token.type === 'br') return ' ';
  if ('tokens' in token && token.tokens !== undefined) return token.tokens.map(plain).join('');
  return 'text' in token ? String(token.text) : '';
}

type Names = readonly string[];

/** Blocks: what is not among them is shown as it was written. */
function block(token: Token, names: Names, key: number): ComponentChildren {
  switch (token.type) {
    case 'space':
      return null;
    case 'code':
      return (
        <pre key={key}>
          <code>{token.text}</code>
        </pre>
      );
    case 'blockquote':
      return <blockquote key={key}>{blocks(token.tokens, names)}</blockquote>;
    case 'list':
      return list(token as Tokens.List, names, key);
    case 'paragraph':
    case 'text':
      return <p key={key}>{inlines(token.tokens, names, token.text)}</p>;
    default:
      return <p key={key}>{token.raw.trimEnd()}</p>;
  }
}

function list({ ordered, start, items }: Tokens.List, names: Names, key: number) {
  const entries = items.map((item, index) => <li key={index}>{blocks(item.tokens, names)}</li>);
  return ordered ? (
    <ol key={key} start={Number(start) || 1}>
      {entries}
    </ol>
  ) : (
    <ul key={key}>{entries}</ul>
  );
}

function blocks(tokens: Token[] | undefined, names: Names): ComponentChildren {
  return tokens?.map((token, index) => block(token, names, index));
}

function inlines(tokens: Token[] | undefined, names: Names, text = ''): ComponentChildren {
  return tokens === undefined
    ? withMentions(text, names)
    : tokens.map((token, i) => inline(token, names, i));
}

function inline(token: Token, names: Names, key: number): ComponentChildren {
  switch (token.type) {
    case 'strong':
      return <strong key={key}>{inlines(token.tokens, names)}</strong>;
    case 'em':
      return <em key={key}>{inlines(token.tokens, names)}</em>;
    case 'del':
      return <del key={key}>{inlines(token.tokens, names)}</del>;
    case 'codespan':
      return <code key={key}>{token.text}</code>;
    case 'br':
      return <br key={key} />;
    case 'link':
      return link(token as Tokens.Link, names, key);
    case 'text':
    case 'escape':
      return withMentions(token.text, names);
    default:
      return token.raw;
  }
}

/** Only what leads to the web or to a mailbox is a link: `javascript:` is none. */
function link({ href, raw, tokens }: Tokens.Link, names: Names, key: number): ComponentChildren {
  if (!/^(https?:\/\/|mailto:)/i.test(href)) return raw;
  return (
    <a key={key} href={href} target="_blank" rel="noopener noreferrer nofollow">
      {inlines(tokens, names)}
    </a>
  );
}

function withMentions(text: string, names: Names): ComponentChildren {
  if (!text.includes('@') || names.length === 0) return text;
  const longestFirst = [...names]
    .sort((a, b) => b.length - a.length)
    .map((name) => name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  const pattern = new RegExp(`(@(?:${longestFirst.join('|')}))(?![\\p{L}\\p{N}])`, 'giu');
  const own = `@${account.value?.user.name.toLocaleLowerCase()}`;
  return text.split(pattern).map((part, i) =>
    i % 2 === 1 ? (
      <b key={i} class="mention" data-own={part.toLocaleLowerCase() === own ? '' : undefined}>
        {part}
      </b>
    ) : (
      part
    ),
  );
}

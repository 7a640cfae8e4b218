/**
 * A small Markdown: its tokens are made into elements here, one by one. No text of anybody is ever
 * taken as HTML, so there is nothing to be cleaned.
 */
import type { Token, Tokens } from 'marked';
import { type ComponentChildren, Fragment } from 'preact';
import { useMemo } from 'preact/hooks';
import { readMarkdown } from '../lib/markdown.ts';
import type { MentionFinder } from '../lib/mentions.ts';
import { isOwnMention, mentionsOf } from '../state/mentions.ts';
import { Boundary } from './boundary.tsx';

interface Props {
  readonly text: string;
  readonly chatId: number;
}

/** The text of a message; one that cannot be drawn is shown as it was written. */
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
  const tokens = useMemo(() => readMarkdown(text), [text]);
  // Most texts mention nobody, and need not be drawn again when a member comes or goes.
  const find = text.includes('@') ? mentionsOf(chatId) : undefined;
  return <div class="text">{tokens.map((token, index) => block(token, find, index))}</div>;
}

type Find = MentionFinder | undefined;

/** Blocks: what is not among them is shown as it was written. */
function block(token: Token, find: Find, key: number): ComponentChildren {
  switch (token.type) {
    case 'space':
      return null;
    case 'code':
      return (
        <pre key={key} dir="auto">
          <code>{token.text}</code>
        </pre>
      );
    case 'blockquote':
      return (
        <blockquote key={key} dir="auto">
          {blocks(token.tokens, find)}
        </blockquote>
      );
    case 'list':
      return list(token as Tokens.List, find, key);
    case 'paragraph':
      return (
        <p key={key} dir="auto">
          {inlines(token.tokens, find)}
        </p>
      );
    case 'text':
      // In a tight list: an element less for each of what may be a thousand items.
      return <Fragment key={key}>{inlines(token.tokens, find, token.text)}</Fragment>;
    default:
      return (
        <p key={key} dir="auto">
          {token.raw.trimEnd()}
        </p>
      );
  }
}

function list({ ordered, start, items }: Tokens.List, find: Find, key: number) {
  const entries = items.map((item, index) => <li key={index}>{blocks(item.tokens, find)}</li>);
  return ordered ? (
    <ol key={key} start={Number(start) || 1} dir="auto">
      {entries}
    </ol>
  ) : (
    <ul key={key} dir="auto">
      {entries}
    </ul>
  );
}

function blocks(tokens: Token[] | undefined, find: Find): ComponentChildren {
  return tokens?.map((token, index) => block(token, find, index));
}

function inlines(tokens: Token[] | undefined, find: Find, text = ''): ComponentChildren {
  return tokens === undefined
    ? withMentions(text, find)
    : tokens.map((token, i) => inline(token, find, i));
}

function inline(token: Token, find: Find, key: number): ComponentChildren {
  switch (token.type) {
    case 'strong':
      return <strong key={key}>{inlines(token.tokens, find)}</strong>;
    case 'em':
      return <em key={key}>{inlines(token.tokens, find)}</em>;
    case 'del':
      return <del key={key}>{inlines(token.tokens, find)}</del>;
    case 'codespan':
      return (
        <code key={key} dir="auto">
          {token.text}
        </code>
      );
    case 'br':
      return <br key={key} />;
    case 'link':
      return link(token as Tokens.Link, find, key);
    case 'text':
    case 'escape':
      return withMentions(token.text, find);
    default:
      return token.raw;
  }
}

/** Only what leads to the web or to a mailbox is a link: `javascript:` is none. */
function link({ href, raw, tokens }: Tokens.Link, find: Find, key: number): ComponentChildren {
  if (!/^(https?:\/\/|mailto:)/i.test(href)) return raw;
  return (
    <a key={key} href={href} dir="auto" target="_blank" rel="noopener noreferrer nofollow">
      {inlines(tokens, find)}
    </a>
  );
}

function withMentions(text: string, find: Find): ComponentChildren {
  if (find === undefined || !text.includes('@')) return text;
  return find(text).map((piece, i) =>
    piece.isMention ? (
      <b key={i} class="mention" dir="auto" data-own={isOwnMention(piece.text) ? '' : undefined}>
        {piece.text}
      </b>
    ) : (
      piece.text
    ),
  );
}

import { useSignal } from '@preact/signals';
import { ask } from '../lib/api.ts';
import { plainPieces } from '../lib/markdown.ts';
import { paths, replace } from '../lib/route.ts';
import { shortTime } from '../lib/time.ts';
import type { Hit } from '../lib/wire.ts';
import { chatOf } from '../state/chats.ts';
import { useLoading } from '../state/failing.ts';
import { texts } from '../texts/index.ts';
import { ErrorText } from './error-text.tsx';
import { displayName } from './message.tsx';
import { Pane } from './pane.tsx';
import { Written } from './written.tsx';

/** A search starts after this pause in typing, in ms. */
const pause = 200;

interface Props {
  readonly query: string;
  readonly chatId: number | undefined;
}

export function SearchPane({ query, chatId }: Props) {
  const hits = useSignal<readonly Hit[]>([]);
  const next = useSignal<string | undefined>(undefined);
  const state = useSignal<'idle' | 'searching' | 'done'>('idle');

  const follow = async (path: string, before: readonly Hit[], isCurrent: () => boolean) => {
    state.value = 'searching';
    const page = await searchPage(path);
    if (!isCurrent()) return;
    hits.value = [...before, ...page.hits];
    next.value = page.next;
    state.value = 'done';
  };

  const { error, attempt } = useLoading(
    async (isCurrent) => {
      hits.value = [];
      next.value = undefined;
      state.value = 'idle';
      if (query.trim() === '') return;
      const scope = chatId === undefined ? '' : `&chat_id=${chatId}`;
      const path = `/api/search?q=${encodeURIComponent(query.toWellFormed())}${scope}`;
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (isCurrent()) await follow(path, [], isCurrent);
    },
    [query, chatId],
  );

  const more = () => {
    const { value: path } = next;
    if (path !== undefined) attempt(follow(path, hits.value, () => next.value === path));
  };
  const chat = chatId === undefined ? undefined : chatOf(chatId);
  return (
    <Pane title={texts.search} back={chatId === undefined ? paths.home : paths.chat(chatId)}>
      <search>
        <input
          type="search"
          dir="auto"
          autofocus
          value={query}
          aria-label={texts.searchPlaceholder}
          placeholder={texts.searchPlaceholder}
          onInput={(event) => replace(paths.search(event.currentTarget.value, chatId))}
        />
        {chat !== undefined && (
          <p>
            {texts.searchHere}:{' '}
            <strong>
              <Written text={chat.title} />
            </strong>{' '}
            <a href={paths.search(query)}>{texts.searchEverywhere}</a>
          </p>
        )}
      </search>
      <ErrorText of={error} />
      <ol class="hits">
        {hits.value.map((hit) => (
          <HitItem key={hit.id} hit={hit} />
        ))}
      </ol>
      <p role="status" class="empty" hidden={state.value !== 'done' || hits.value.length > 0}>
        {texts.nothingFound}
      </p>
      {next.value !== undefined && (
        <button type="button" onClick={more}>
          {texts.more}
        </button>
      )}
    </Pane>
  );
}

function HitItem({ hit }: { hit: Hit }) {
  return (
    <li>
      <a class="hit" href={paths.message(hit.chat_id, hit.id)}>
        <span class="hit-head">
          <strong>
            <Written text={displayName(hit.sender_id)} />
          </strong>{' '}
          <Written text={chatOf(hit.chat_id)?.title ?? ''} />
          <time dateTime={hit.time}>{shortTime(hit.time)}</time>
        </span>
        <span dir="auto">
          {plainPieces(hit.snippet, hit.marks).map(({ text, isFound }, index) =>
            isFound ? <mark key={index}>{text}</mark> : text,
          )}
        </span>
      </a>
    </li>
  );
}

/** Loads a page of hits; goes on to the next page if the server returned one without hits. */
async function searchPage(path: string): Promise<{ hits: Hit[]; next: string | undefined }> {
  const { body, headers } = await ask<{ hits: Hit[] }>('GET', path, undefined, {
    has: 'hits',
  });
  const next = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
  return body.hits.length === 0 && next !== undefined
    ? searchPage(next)
    : { hits: body.hits, next };
}

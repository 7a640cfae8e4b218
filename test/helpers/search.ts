/** Searching as a client does, and the same without an index. */
import { isDeepStrictEqual } from 'node:util';
import { hasOldSearch } from '../../src/db/admin/replace-search.ts';
import type { Store } from '../../src/db/store.ts';
import { indexAllWaiting } from '../../src/jobs/waiting-messages.ts';
import { rebuildPortion, startRebuild } from '../../src/search-index/rebuild.ts';
import { isOutdated } from '../../src/search-index/state.ts';
import { wordsOf } from '../../src/search-index/words.ts';
import { hurried } from './database.ts';
import { type Person, storeOf } from './world.ts';

export interface Hit {
  readonly chat_id: number;
  readonly id: number;
  readonly sender_id: number;
  readonly snippet: string;
  readonly marks: [number, number][];
}

type Between = () => Promise<unknown>;

/**
 * All hits of a search: its first page and all pages after it. The search is repeated once all
 * messages are indexed, and must find the same.
 *
 * @param between is called after each page; then there is no second search.
 */
export async function search(
  person: Person,
  q: string,
  filters: Record<string, string> = {},
  between?: Between,
): Promise<Hit[]> {
  const hits = await searchOnce(person, q, filters, between);
  if (between !== undefined) return hits;
  await indexAllWaiting(storeOf(person.app));
  const again = await searchOnce(person, q, filters);
  if (!isDeepStrictEqual(hits, again)) throw new Error(`${q}: other hits once all are indexed`);
  return hits;
}

async function searchOnce(
  person: Person,
  q: string,
  filters: Record<string, string>,
  between?: Between,
): Promise<Hit[]> {
  const hits: Hit[] = [];
  let url: string | undefined = `/api/search?${new URLSearchParams({ q, ...filters })}`;
  while (url !== undefined) {
    const { status, body, headers, text } = await person.get(url);
    if (status !== 200) throw new Error(`${q}: ${status} ${text}`);
    hits.push(...body.hits);
    url = /^<([^>]+)>; rel="next"$/.exec(String(headers.link))?.[1];
    await between?.();
  }
  return hits;
}

/** The ids of all hits of a search. */
export const ids = async (...input: Parameters<typeof search>) =>
  (await search(...input)).map(({ id }) => id);

/** Whether a text has a phrase, or all words; the last word may be a prefix. */
export function isFound(
  content: string,
  query: readonly string[],
  style: 'words' | 'prefix' | 'phrase',
): boolean {
  const words = wordsOf(content).map((word) => word.text);
  const wanted = query.flatMap((part) => wordsOf(part).map((word) => word.text));
  if (style === 'phrase') return ` ${words.join(' ')} `.includes(` ${wanted.join(' ')} `);
  return wanted.every((word, index) => {
    const mayGoOn = style === 'prefix' && index === wanted.length - 1 && word.length > 1;
    return words.some((found) => (mayGoOn ? found.startsWith(word) : found === word));
  });
}

/** Starts a rebuild, up to the point where the index is empty. */
export async function replaceIndex(db: Store): Promise<void> {
  await db.write(startRebuild, {});
  const isLeft = async () => (await db.read(isOutdated, {})) || (await db.read(hasOldSearch, {}));
  while (await isLeft()) await db.write(hurried(rebuildPortion), {});
}

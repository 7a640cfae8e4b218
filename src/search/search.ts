/** Search over the caller's own chats. */

import { chatIdsOf } from '../chats/queries.ts';
import type { Snapshot } from '../db/query.ts';
import { beyondIds } from '../http/schema.ts';
import { authorise } from '../members/members.ts';
import { findUserByName } from '../users/queries.ts';
import { findAnyMatch, findHits, findNewestId } from './queries.ts';
import { matchExpression, parseQuery, scopeOf, type Term } from './query.ts';
import { windowOf, windowSize } from './windows.ts';

/*
 * Bounded by construction: the index is walked in windows of ids (see windows.ts), newest first, and
 * after `deadline` no further window is begun. So a page may be short, or even empty, although there
 * is more; `next` leads on from where it stopped.
 */

/** In ms. */
const deadline = 10;

/** With more chats than this it is cheaper to look each hit's chat up than to ask for them all. */
const scopeLimit = 50;

export interface SearchInput {
  readonly userId: number;
  readonly query: string;
  readonly chatId?: number;
  /** Only messages of the user of this name. */
  readonly fromKey?: string;
  /** Only messages that are older than this one. */
  readonly before?: number;
  /** How many at the most. */
  readonly limit: number;
}

export type Hit = Awaited<ReturnType<typeof findHits>>[number];

export interface SearchPage {
  readonly terms: readonly Term[];
  readonly hits: readonly Hit[];
  /** Where to go on: the `before` of the next page, or undefined where there is none. */
  readonly next: number | undefined;
}

/**
 * Finds messages of the caller's chats, newest first. Every word must be found, without regard to
 * case and accents; the last may be the beginning of one.
 *
 * @throws Refusal `no_chat`, `not_member` for a `chatId` that is not the caller's.
 */
export async function searchMessages(snapshot: Snapshot, input: SearchInput): Promise<SearchPage> {
  const terms = parseQuery(input.query);
  const scopes = await scopesOf(snapshot, input);
  if (terms.length === 0 || scopes === undefined) return { terms, hits: [], next: undefined };
  return { terms, ...(await walk(snapshot, terms, scopes, input)) };
}

async function walk(
  snapshot: Snapshot,
  terms: readonly Term[],
  scopes: readonly string[][],
  { userId, before: end = beyondIds, limit }: SearchInput,
): Promise<Omit<SearchPage, 'terms'>> {
  const newest = (await findNewestId(snapshot, {}))?.id ?? 0;
  const started = performance.now();
  const hits: Hit[] = [];
  let before = Math.min(end, newest + 1);
  while (before > 1) {
    const window = windowOf(before - 1);
    const wanted = limit - hits.length;
    hits.push(
      ...(await hitsIn(snapshot, terms, scopes, { window, userId, before, limit: wanted })),
    );
    if (hits.length === limit) return { hits, next: hits.at(-1)?.id };
    before = window * windowSize;
    if (performance.now() - started > deadline) break;
  }
  return { hits, next: before > 1 ? before : undefined };
}

async function hitsIn(
  snapshot: Snapshot,
  terms: readonly Term[],
  scopes: readonly string[][],
  { window, ...range }: { window: number; userId: number; before: number; limit: number },
): Promise<Hit[]> {
  // A rare word is not there at all in most windows: that is seen soon, before the chats are asked.
  const anywhere = await findAnyMatch(snapshot, { match: matchExpression(terms, [], window) });
  if (anywhere === undefined) return [];
  return findHits(snapshot, { ...range, match: matchExpression(terms, scopes, window) });
}

/** Where to look; undefined where there is nothing to be found. Rights do not depend on it. */
async function scopesOf(
  snapshot: Snapshot,
  { userId, chatId, fromKey }: SearchInput,
): Promise<string[][] | undefined> {
  if (chatId !== undefined) await authorise(snapshot, { chatId, userId });
  const scopes: string[][] = [];
  if (fromKey !== undefined) {
    const sender = await findUserByName(snapshot, { nameKey: fromKey });
    if (sender === undefined) return undefined;
    scopes.push([scopeOf.sender(sender.id)]);
  }
  if (chatId !== undefined) return [...scopes, [scopeOf.chat(chatId)]];
  const chats = await chatIdsOf(snapshot, { userId });
  if (chats.length === 0) return undefined;
  if (chats.length > scopeLimit) return scopes;
  return [...scopes, chats.map((chat) => scopeOf.chat(chat.chatId))];
}

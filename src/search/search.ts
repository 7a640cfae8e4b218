/** Searches the caller's own chats. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Reads, Snapshot } from '../db/query/query.ts';
import { beyondIds } from '../http/schema.ts';
import { authorise } from '../members/members.ts';
import { matchExpression, parseQuery, type Term } from '../search-index/fts-query.ts';
import { listHits } from '../search-index/queries.ts';
import { indexedFrom, indexedTo } from '../search-index/state.ts';
import { listBlocks, listBlocksOf } from '../search-index/vocabulary/queries.ts';
import { wantedOf } from '../search-index/vocabulary/vocabulary.ts';
import { findUserByName } from '../users/queries.ts';
import { type Block, Indexed } from './indexed.ts';
import { type Part, Sweep } from './sweep.ts';
import { type Rest, Unindexed } from './unindexed.ts';

/*
 * The cost of a search depends only on the number and the length of the caller's chats. After each
 * `slice` of time the search yields to the event loop. Once it has spent `deadline` of time itself,
 * it answers with what is complete. So a page may be short, or even empty, although there are more
 * hits; `next` continues from where it stopped.
 */

/** In ms. */
export interface Times {
  readonly slice: number;
  readonly deadline: number;
}

const defaultTimes: Times = { slice: 5, deadline: 200 };

export interface SearchInput {
  readonly userId: number;
  readonly query: string;
  readonly chatId?: number;
  /** Only messages of the user with this name. */
  readonly fromKey?: string;
  /** Only messages older than this id. */
  readonly before?: number;
  /** The maximum number of hits. */
  readonly limit: number;
}

export type Hit = Awaited<ReturnType<typeof listHits>>[number];

export interface SearchPage {
  readonly terms: readonly Term[];
  readonly hits: readonly Hit[];
  /** The `before` of the next page; undefined if this page is the last. */
  readonly next: number | undefined;
}

/**
 * Finds messages in the caller's chats, newest first. Every word must match, regardless of case and
 * accents; the last may be the beginning of one. Messages posted during the search are left out.
 *
 * @throws Refusal `no_chat`, `not_member` for a `chatId` that is not the caller's.
 */
export async function searchMessages(
  db: Reads,
  input: SearchInput,
  times = defaultTimes,
): Promise<SearchPage> {
  const terms = parseQuery(input.query);
  const parts = await db.read(planSearch, { ...input, terms });
  const sweep = new Sweep(parts, input.limit);
  await run(db, sweep, times);
  return { terms, ...(await pageOf(db, sweep, input)) };
}

async function run(db: Reads, sweep: Sweep, { slice, deadline }: Times): Promise<void> {
  let spent = 0;
  while (!sweep.isDone && !(spent > deadline && sweep.hasAdvanced)) {
    if (spent > 0) await nextTurn();
    spent += await db.read(advance, { sweep, slice });
  }
}

/** Searches for a slice of time; returns how long it took, in ms. */
async function advance(
  snapshot: Snapshot,
  { sweep, slice }: { sweep: Sweep; slice: number },
): Promise<number> {
  const started = performance.now();
  let spent = 0;
  do {
    await sweep.advance(snapshot);
    spent = performance.now() - started;
  } while (!sweep.isDone && spent < slice);
  return spent;
}

/** Reads the hits separately, so that only the caller's memberships decide what they see. */
async function pageOf(
  db: Reads,
  { hits: ids, reach }: Sweep,
  { userId, limit }: SearchInput,
): Promise<Omit<SearchPage, 'terms'>> {
  const end = ids.length === limit ? ids.at(-1) : reach;
  const hits = ids.length > 0 ? await db.read(listHits, { userId, ids: JSON.stringify(ids) }) : [];
  return { hits, next: end === 0 ? undefined : end };
}

type Plan = SearchInput & { readonly terms: readonly Term[] };

/** What to search; nothing if there can be no hits. Rights are checked in either case. */
async function planSearch(snapshot: Snapshot, plan: Plan): Promise<Part[]> {
  const { userId, chatId, fromKey, terms } = plan;
  if (chatId !== undefined) await authorise(snapshot, { chatId, userId });
  if (fromKey === undefined) return terms.length > 0 ? partsOf(snapshot, plan) : [];
  const sender = await findUserByName(snapshot, { nameKey: fromKey });
  if (sender === undefined || terms.length === 0) return [];
  return partsOf(snapshot, plan, sender.id);
}

async function partsOf(
  snapshot: Snapshot,
  { userId, chatId, terms, limit, before = beyondIds }: Plan,
  senderId?: number,
): Promise<Part[]> {
  const floor = await indexedFrom(snapshot);
  const waiting = Math.max(floor, (await indexedTo(snapshot)) + 1);
  const wanted = { ...wantedOf(terms), before };
  const rows =
    chatId === undefined
      ? await listBlocks(snapshot, { ...wanted, userId })
      : await listBlocksOf(snapshot, { ...wanted, chatId });
  const blocks = toBlocks(rows, before);
  const match = (ids: readonly number[]) => matchExpression(terms, ids, senderId);
  const unindexed = (first: number, end: number) =>
    new Unindexed(restsOf(blocks, first, end), { terms, senderId });
  return [
    unindexed(waiting, beyondIds),
    new Indexed(within(blocks, floor, waiting), { match, limit, floor }),
    unindexed(0, floor),
  ];
}

/** The parts of blocks between two ids, newest first. */
function within(blocks: readonly Block[], first: number, end: number): Block[] {
  return blocks
    .map((block) => ({ ...block, end: Math.min(block.end, end) }))
    .filter((block) => block.end > Math.max(first, block.firstId))
    .sort((one, other) => other.end - one.end);
}

/** A block ends where the next one of its chat starts, and the last one with its chat. */
function toBlocks(rows: Awaited<ReturnType<typeof listBlocks>>, before: number): Block[] {
  return rows
    .map(({ chatId, firstId, nextId, lastId }) => {
      const end = nextId ?? (lastId ?? 0) + 1;
      return { chatId, firstId, end: Math.min(end, before) };
    })
    .filter(({ firstId, end }) => firstId < end);
}

/** The chats of blocks that have messages between two ids, newest first. */
function restsOf(blocks: readonly Block[], first: number, end: number): Rest[] {
  const rests = new Map<number, Rest>();
  for (const block of within(blocks, first, end)) {
    if (!rests.has(block.chatId)) rests.set(block.chatId, { ...block, first });
  }
  return [...rests.values()];
}

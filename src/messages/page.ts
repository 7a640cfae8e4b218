/** Pages of a chat's messages. */

import type { Snapshot } from '../db/query/query.ts';
import { joinBytes } from '../http/bytes.ts';
import { countThatFit, pageBytes } from '../http/paging.ts';
import { beyondIds } from '../http/schema.ts';
import type { MessageRow, OwnReaction, ReactionRow } from './messages.ts';
import {
  listIdsAfter,
  listIdsBefore,
  listMessages,
  listSizesDown,
  listSizesUp,
  weighMessages,
} from './page-queries.ts';
import { listPageReactions, shownUsers } from './reaction-queries.ts';
import { messageToJson, ownToJson } from './wire.ts';

/** Which messages to read: the newest, or those next to one side of a message. */
export interface Range {
  readonly before?: number;
  readonly after?: number;
  /** The maximum number of messages, 1 to 200. */
  readonly limit: number;
}

/** Consecutive messages, oldest first, and whether the chat has more on either side. */
export interface Page {
  readonly messages: readonly PageMessage[];
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
  /** Whether some emoji has more users than its list shows: see `own_reactions`. */
  readonly hasManyReactions: boolean;
  /** The whole page as JSON, once it was requested. */
  body?: Buffer;
}

interface PageMessage {
  readonly id: number;
  readonly json: string;
}

/**
 * Reads a page of a chat. The caller must check the reader's right to it. The page has fewer
 * messages than requested where they would exceed `pageBytes`.
 */
export async function readPage(
  snapshot: Snapshot,
  { chatId, before, after, limit }: { chatId: number } & Range,
): Promise<Page> {
  // One id more than requested shows whether there is another page.
  const ends = { skipped: limit - 1, limit: 2 };
  if (after !== undefined) {
    const [last, newer] = await listIdsAfter(snapshot, { chatId, after, ...ends });
    const older = await listIdsBefore(snapshot, {
      chatId,
      before: after + 1,
      skipped: 0,
      limit: 1,
    });
    const range = { chatId, first: after + 1, last: last?.id ?? beyondIds };
    const neighbours = { hasOlder: older.length > 0, hasNewer: newer !== undefined };
    return readFirst(snapshot, range, neighbours);
  }
  const end = before ?? beyondIds;
  const [first, older] = await listIdsBefore(snapshot, { chatId, before: end, ...ends });
  const range = { chatId, first: first?.id ?? 0, last: end - 1 };
  const neighbours = { hasOlder: older !== undefined, hasNewer: before !== undefined };
  return readLast(snapshot, range, neighbours);
}

/** The page after a newer message: the last `limit` messages that fit. */
export function extendPage(page: Page, newer: MessageRow, limit: number): Page {
  const { hasManyReactions } = page;
  const added = toPageMessage(newer);
  const all = [...page.messages, added];
  const messages = lastThatFit(all.slice(-limit));
  const dropped = page.messages.slice(0, all.length - messages.length);
  const hasOlder = page.hasOlder || dropped.length > 0;
  const extended = { messages, hasOlder, hasNewer: false, hasManyReactions };
  if (page.body === undefined || dropped.length === page.messages.length) return extended;
  return { ...extended, body: extendBody(page.body, dropped, added) };
}

const bodyStart = '{"messages":[';
const bodyEnd = ']}';

/** Copies what stays of a body: joining all messages again would take longer. */
function extendBody(body: Buffer, dropped: readonly PageMessage[], added: PageMessage): Buffer {
  const droppedBytes = lengthsOf(dropped).reduce((sum, length) => sum + length + ','.length, 0);
  const rest = body.subarray(bodyStart.length + droppedBytes, -bodyEnd.length);
  return joinBytes(bodyStart, rest, `,${added.json}${bodyEnd}`);
}

/**
 * The page as the body of an answer. It is kept with the page, which is the same for all members.
 *
 * @param own the caller's reactions that the page does not show.
 */
export function pageToJson(page: Page, own: readonly OwnReaction[]): Buffer {
  if (own.length > 0) return toBody(page, own);
  page.body ??= toBody(page, own);
  return page.body;
}

function toBody({ messages }: Page, own: readonly OwnReaction[]): Buffer {
  return joinBytes(`${bodyStart}${messages.map(({ json }) => json).join()}]${ownToJson(own)}}`);
}

/** The approximate size of a page in the cache, in bytes: its messages and its body. */
export function sizeOf({ messages }: Page): number {
  return messages.reduce((sum, { json }) => sum + 2 * json.length + messageOverhead, 0);
}

/** The memory for a message of a page apart from its JSON, in bytes. */
const messageOverhead = 100;

/** The ids at the ends of a page; null if it is empty. */
export function endsOf({ messages }: Page): { first: number | null; last: number | null } {
  return { first: messages[0]?.id ?? null, last: messages.at(-1)?.id ?? null };
}

interface IdRange {
  readonly chatId: number;
  readonly first: number;
  readonly last: number;
}

type Neighbours = Pick<Page, 'hasOlder' | 'hasNewer'>;

/** Reads the first messages of a range that fit into a page. */
async function readFirst(
  snapshot: Snapshot,
  range: IdRange,
  { hasOlder, hasNewer }: Neighbours,
): Promise<Page> {
  const last = await lastWhoseTextFits(snapshot, range, listSizesUp);
  const found = await readRange(snapshot, { ...range, last });
  const messages = firstThatFit(found.messages);
  const isCut = last < range.last || messages.length < found.messages.length;
  return { ...found, messages, hasOlder, hasNewer: hasNewer || isCut };
}

/** Reads the last messages of a range that fit into a page. */
async function readLast(
  snapshot: Snapshot,
  range: IdRange,
  { hasOlder, hasNewer }: Neighbours,
): Promise<Page> {
  const first = await lastWhoseTextFits(snapshot, range, listSizesDown);
  const found = await readRange(snapshot, { ...range, first });
  const messages = lastThatFit(found.messages);
  const isCut = first > range.first || messages.length < found.messages.length;
  return { ...found, messages, hasOlder: hasOlder || isCut, hasNewer };
}

async function readRange(snapshot: Snapshot, range: IdRange) {
  const rows = await listMessages(snapshot, range);
  const reactions = await listPageReactions(snapshot, range);
  const byMessage = Map.groupBy(reactions, ({ messageId }) => messageId);
  return {
    messages: rows.map((row) => toPageMessage(row, byMessage.get(row.id))),
    hasManyReactions: reactions.some(({ count }) => count > shownUsers),
  };
}

function toPageMessage(message: MessageRow, reactions?: readonly ReactionRow[]): PageMessage {
  return { id: message.id, json: messageToJson(message, reactions) };
}

/**
 * The id up to which the texts of a range's messages fit into a page, so that no more of them are
 * serialised: JSON is never shorter than the text. In nearly all cases the whole range fits.
 */
async function lastWhoseTextFits(
  snapshot: Snapshot,
  range: IdRange,
  listSizes: typeof listSizesUp,
): Promise<number> {
  let end = listSizes === listSizesUp ? range.last : range.first;
  if ((await weighMessages(snapshot, range)).bytes <= pageBytes) return end;
  let left = pageBytes;
  for (const { id, bytes } of await listSizes(snapshot, range)) {
    left -= bytes;
    if (left < 0) break;
    end = id;
  }
  return end;
}

function firstThatFit(messages: readonly PageMessage[]): readonly PageMessage[] {
  return fitForSure(messages) ? messages : messages.slice(0, countThatFit(lengthsOf(messages)));
}

function lastThatFit(messages: readonly PageMessage[]): readonly PageMessage[] {
  if (fitForSure(messages)) return messages;
  return messages.slice(-countThatFit(lengthsOf(messages).reverse()));
}

/** Nearly all pages do: a UTF-16 code unit has at most 3 bytes in UTF-8, which need no counting. */
function fitForSure(messages: readonly PageMessage[]): boolean {
  return countThatFit(messages.map(({ json }) => 3 * json.length)) === messages.length;
}

const lengthsOf = (messages: readonly PageMessage[]) =>
  messages.map(({ json }) => Buffer.byteLength(json));

/** Pages of a chat's messages. */

import type { Snapshot } from '../db/query/query.ts';
import { joinBytes } from '../http/bytes.ts';
import { countThatFit } from '../http/paging.ts';
import { beyondIds } from '../http/schema.ts';
import type { MessageRow, OwnReaction, ReactionRow } from './messages.ts';
import { findOlder, listAfter, listBefore } from './page-queries.ts';
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
  if (after === undefined) {
    const side = { chatId, id: before ?? beyondIds, limit };
    const { messages, hasMore, hasManyReactions } = await readSide(snapshot, listBefore, side);
    const neighbours = { hasOlder: hasMore, hasNewer: before !== undefined };
    return { messages: messages.toReversed(), ...neighbours, hasManyReactions };
  }
  const { hasMore, ...found } = await readSide(snapshot, listAfter, { chatId, id: after, limit });
  const older = await findOlder(snapshot, { chatId, id: after + 1 });
  return { ...found, hasOlder: older !== undefined, hasNewer: hasMore };
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

/** How many messages are read at once: of 200 with long texts, a page has room for a few only. */
const partSize = 50;

interface Side {
  readonly chatId: number;
  readonly id: number;
  readonly limit: number;
}

/** Reads the messages on one side of an id, the nearest first, until the page is full. */
async function readSide(snapshot: Snapshot, list: typeof listBefore, { limit, ...side }: Side) {
  const read: PageMessage[] = [];
  let hasManyReactions = false;
  for (;;) {
    const id = read.at(-1)?.id ?? side.id;
    const range = { ...side, id, limit: Math.min(limit - read.length, partSize) };
    const part = await readPart(snapshot, list, range);
    read.push(...part.messages);
    hasManyReactions ||= part.hasManyReactions;
    const messages = firstThatFit(read);
    const isCut = messages.length < read.length;
    if (isCut || !part.hasMore || read.length === limit) {
      return { messages, hasMore: isCut || part.hasMore, hasManyReactions };
    }
  }
}

async function readPart(snapshot: Snapshot, list: typeof listBefore, { limit, ...side }: Side) {
  // One message more than requested shows whether the chat goes on.
  const found = await list(snapshot, { ...side, limit: limit + 1 });
  const rows = found.slice(0, limit);
  const ends = [rows.at(0)?.id ?? 0, rows.at(-1)?.id ?? 0] as const;
  const range = { chatId: side.chatId, first: Math.min(...ends), last: Math.max(...ends) };
  const reactions = await listPageReactions(snapshot, range);
  const byMessage = Map.groupBy(reactions, ({ messageId }) => messageId);
  return {
    messages: rows.map((row) => toPageMessage(row, byMessage.get(row.id))),
    hasMore: found.length > limit,
    hasManyReactions: reactions.some(({ count }) => count > shownUsers),
  };
}

function toPageMessage(
  message: Omit<MessageRow, 'chatId'>,
  reactions?: readonly ReactionRow[],
): PageMessage {
  return { id: message.id, json: messageToJson(message, reactions) };
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

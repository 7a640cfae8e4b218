/** The body of a page of messages, as bytes: cut and counted without parsing. */
import { joinBytes } from '../db/cache/cached-query.ts';

/** A page has at most this many bytes, unless its only message has more. */
export const pageBytes = 256 * 1024;

/** The start of a message. No text inside a message looks like this: its quotes are escaped. */
const beginning = '{"content":';
const next = `,${beginning}`;
const start = '{"messages":[';
const end = ']}';

/** Appends messages to a page's body. */
export function appendMessages(body: Buffer, messages: readonly object[]): Buffer {
  const added = messages.map((message) => JSON.stringify(message)).join();
  const before = body.subarray(0, -end.length);
  return joinBytes(before, before.length > start.length ? ',' : '', added, end);
}

/** The body without its first `count` messages. */
export function dropFirst(body: Buffer, count: number): Buffer {
  let at = start.length - 1;
  for (let i = 0; i < count && at !== -1; i++) at = body.indexOf(next, at + 1);
  return at === -1 ? joinBytes(start, end) : joinBytes(start, body.subarray(at + 1));
}

/** The last messages that fit into a page; at least one. */
export function keepLast(body: Buffer): Buffer {
  const surplus = body.length - pageBytes;
  if (surplus <= 0) return body;
  // The rest behind any comma from here on fits.
  const at = body.indexOf(next, start.length + surplus - 1);
  const last = at === -1 ? body.lastIndexOf(next) : at;
  return last === -1 ? body : joinBytes(start, body.subarray(last + 1));
}

/** The first messages that fit into a page; at least one. */
export function keepFirst(body: Buffer): Buffer {
  if (body.length <= pageBytes) return body;
  const at = body.lastIndexOf(next, pageBytes - end.length);
  const last = at === -1 ? body.indexOf(next) : at;
  return last === -1 ? body : joinBytes(body.subarray(0, last), end);
}

/** The number of messages in a body. */
export function countMessages(body: Buffer): number {
  let count = 0;
  for (let at = body.indexOf(beginning); at !== -1; at = body.indexOf(next, at + 1)) count += 1;
  return count;
}

/** The id of the first message; the body must have one. */
export function firstId(body: Buffer): number {
  const second = body.indexOf(next);
  return idIn(body.subarray(start.length, second === -1 ? -end.length : second));
}

/** The id of the last message; the body must have one. */
export function lastId(body: Buffer): number {
  return idIn(body.subarray(Math.max(body.lastIndexOf(next) + 1, start.length), -end.length));
}

const idIn = (message: Buffer): number => JSON.parse(message.toString()).id;

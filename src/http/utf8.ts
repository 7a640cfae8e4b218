/** Texts must be UTF-8. Anything else is refused, because decoding it anyway would mangle it. */
import { isUtf8 } from 'node:buffer';
import type { FastifyRequest } from 'fastify';
import { Refusal } from '../errors.ts';

/** The names of UTF-8 in use, and of ASCII, which is a subset. */
const utf8 = /^(utf-?8|us-ascii)$/i;

const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i;

/**
 * Decodes a body.
 *
 * @throws Refusal `bad_encoding` unless it is UTF-8 by its bytes and by its `Content-Type`.
 */
export function textOf({ headers }: Pick<FastifyRequest, 'headers'>, bytes: Buffer): string {
  const [, name = 'utf-8'] = charset.exec(headers['content-type'] ?? '') ?? [];
  if (!utf8.test(name) || !isUtf8(bytes)) throw new Refusal('bad_encoding');
  return bytes.toString();
}

/** Whether every `%` starts an escape, and the escapes are UTF-8 (RFC 3986, 2.1 and 2.5). */
export function isDecodable(text: string): boolean {
  if (!text.includes('%')) return true;
  try {
    // Separators are never part of an escape, so the whole text may be decoded at once.
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Decodes a header: Node reads it as Latin-1, but it may have been written in UTF-8. */
export function textOfHeader(value: string): string {
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : value;
}

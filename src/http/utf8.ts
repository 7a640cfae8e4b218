/** Texts come as UTF-8. What is anything else is refused: decoded all the same, it would be mangled. */
import { isUtf8 } from 'node:buffer';
import type { FastifyRequest } from 'fastify';
import { Refusal } from '../errors.ts';

/** The names of UTF-8 in use, and of ASCII, which is part of it. */
const utf8 = /^(utf-?8|us-ascii)$/i;

const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i;

/**
 * The text of a body.
 *
 * @throws Refusal `bad_encoding` unless it is UTF-8, by its bytes and by its `Content-Type`.
 */
export function textOf({ headers }: Pick<FastifyRequest, 'headers'>, bytes: Buffer): string {
  const [, name = 'utf-8'] = charset.exec(headers['content-type'] ?? '') ?? [];
  if (!utf8.test(name) || !isUtf8(bytes)) throw new Refusal('bad_encoding');
  return bytes.toString();
}

/** Whether every `%` starts an escape, and the escapes are those of UTF-8 (RFC 3986, 2.1 and 2.5). */
export function isDecodable(text: string): boolean {
  if (!text.includes('%')) return true;
  try {
    // No separator is part of an escape, so all may be decoded at once.
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** What a header says: Node reads it as Latin-1, but it may have been written in UTF-8. */
export function textOfHeader(value: string): string {
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : value;
}

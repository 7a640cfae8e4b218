/** Bodies of answers, joined from cached pieces. */

/**
 * Text in UTF-8 as a string that has one character for each byte, like WebIDL's type of this name.
 * Its length is its length in bytes, and joining such strings to a body takes a quarter of the time
 * that other text takes. ASCII is the same in both.
 */
export type ByteString = string;

export function toByteString(text: string): ByteString {
  return Buffer.from(text).toString('latin1');
}

/** The bytes, in memory of their own: a slice of Node's pool would keep its neighbours alive. */
export function toBuffer(text: ByteString): Buffer {
  const bytes = Buffer.allocUnsafeSlow(text.length);
  bytes.write(text, 'latin1');
  return bytes;
}

/** Joins texts and bytes, in memory of their own too. */
export function joinBytes(...parts: readonly (string | Buffer)[]): Buffer {
  const lengths = parts.map((part) => Buffer.byteLength(part));
  const bytes = Buffer.allocUnsafeSlow(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    at += typeof part === 'string' ? bytes.write(part, at) : part.copy(bytes, at);
  }
  return bytes;
}

/** A name is no longer than this, in code points; see users/schema.ts. */
const nameLength = 32;

/** Where a mention may begin: at an @ that does not end a word, as it does in an e-mail address. */
const start = /(?<![\p{L}\p{M}\p{N}_])@(?=[^\s@])/gu;

/** Where a name may end: behind anything but a space, and not in the middle of a word. */
const end = /(?<=\S)(?![\p{L}\p{M}\p{N}])/gu;

/**
 * The texts behind each @ of a message that could be a name, the longest first: names may hold
 * spaces and points, so "@anna b. said" may call "anna b." as well as "anna".
 *
 * @param limit as many @ are looked at.
 */
export function nameCandidates(content: string, limit: number): string[][] {
  // Most messages call nobody, and to look for nothing by a pattern costs more.
  if (!content.includes('@')) return [];
  return Array.from(content.matchAll(start).take(limit), ({ index }) => {
    const text = firstCodePoints(content.slice(index + 1), nameLength);
    return Array.from(text.matchAll(end), (match) => text.slice(0, match.index)).reverse();
  });
}

function firstCodePoints(text: string, count: number): string {
  return Array.from(text.slice(0, 2 * count))
    .slice(0, count)
    .join('');
}

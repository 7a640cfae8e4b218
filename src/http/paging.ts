/** Pages of lists, and the Link header (RFC 8288) that connects them. */
import type { FastifyRequest } from 'fastify';

/** A page's position: the ids at its ends, null if it is empty, and whether the list goes on. */
interface Ends {
  readonly first: number | null;
  readonly last: number | null;
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
}

/** The link to the next page of the requested list, with these parameters replaced. */
export function nextLink(
  { url, query }: Pick<FastifyRequest, 'url' | 'query'>,
  parameters: Readonly<Record<string, number | string>>,
): string {
  const [path] = url.split('?', 1);
  const all = new URLSearchParams(
    Object.entries({ ...(query as object), ...parameters }).map(toText),
  );
  return `<${path}?${all}>; rel="next"`;
}

const toText = ([name, value]: [string, unknown]): [string, string] => [name, String(value)];

/**
 * The Link header of a page of a list that is ordered by id: `prev` leads to older items, `next` to
 * newer ones. Cursors are ids, so that nothing is skipped or shown twice while the list grows.
 *
 * @returns undefined if there is nothing on either side.
 */
export function pageLinks(
  path: string,
  { first, last, hasOlder, hasNewer }: Ends,
  limit: number,
): string | undefined {
  const links: string[] = [];
  if (hasOlder && first !== null) {
    links.push(`<${path}?before=${first}&limit=${limit}>; rel="prev"`);
  }
  if (hasNewer && last !== null) {
    links.push(`<${path}?after=${last}&limit=${limit}>; rel="next"`);
  }
  return links.length > 0 ? links.join(', ') : undefined;
}

/** A page has at most this many bytes, unless its only item has more. */
export const pageBytes = 256 * 1024;

/** The room for what a page has around its items, in bytes. */
const frameBytes = 100;

/**
 * How many items fit into a page; at least one, if there is one.
 *
 * @param lengths the length of each item as JSON, in bytes.
 */
export function countThatFit(lengths: readonly number[]): number {
  let bytes = frameBytes;
  const tooMany = lengths.findIndex((length, index) => {
    bytes += length + ','.length;
    return bytes > pageBytes && index > 0;
  });
  return tooMany === -1 ? lengths.length : tooMany;
}

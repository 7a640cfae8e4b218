/** Pages of a list that is ordered by id. */

/** Where a page stands: the ids at its ends, null where it is empty, and whether the list goes on. */
interface Ends {
  readonly first: number | null;
  readonly last: number | null;
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
}

/**
 * The Link header (RFC 8288) of a page: `prev` leads to what is older, `next` to what is newer.
 * Cursors are ids, so that nothing is skipped or shown twice while the list grows.
 *
 * @returns undefined where there is nothing on either side.
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

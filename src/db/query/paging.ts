/** Pages of lists that are ordered by time, the newest first. */

interface Lister<Item> {
  /** The time of an item that is older than `before`, after as many others; undefined if it is not there. */
  timeOf(before: number, skipped: number): Promise<number | undefined>;
  /** The items from a time on, up to another one that is not among them. */
  list(from: number, before: number): Promise<Item[]>;
}

export interface TimePage<Item> {
  readonly items: readonly Item[];
  /** The `before` of the next page; undefined if there is none. */
  readonly next: number | undefined;
}

/**
 * A page of such a list. Items of the same ms stay together, so that a time leads on and nothing is
 * skipped or shown twice; a page may have a few more items than `limit` for that.
 *
 * @param before in ms since 1970: only what is older.
 */
export async function pageByTime<Item>(
  { before, limit }: { before: number; limit: number },
  { timeOf, list }: Lister<Item>,
): Promise<TimePage<Item>> {
  const from = await timeOf(before, limit - 1);
  const items = await list(from ?? 0, before);
  const older = from === undefined ? undefined : await timeOf(from, 0);
  return { items, next: older === undefined ? undefined : from };
}

/** Pages of lists ordered by time, newest first. */

interface Lister<Item> {
  /**
   * The time of the item that follows `skipped` items older than `before`; undefined if there is
   * none.
   */
  timeOf(before: number, skipped: number): Promise<number | undefined>;
  /** The items from the time `from` up to, but not including, `before`. */
  list(from: number, before: number): Promise<Item[]>;
}

export interface TimePage<Item> {
  readonly items: readonly Item[];
  /** The `before` of the next page; undefined if there is none. */
  readonly next: number | undefined;
}

/**
 * A page of such a list. Items of the same ms stay together, so that a time is enough to continue
 * from and no item is skipped or shown twice. A page may therefore have a few more items than
 * `limit`.
 *
 * @param before in ms since 1970; only older items are listed.
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

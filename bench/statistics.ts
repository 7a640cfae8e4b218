export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** By linear interpolation between the two values nearest to it. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const [below = 0, above = below] = sorted.slice(Math.floor(place), Math.floor(place) + 2);
  return below + (above - below) * (place % 1);
}

/** The figures of all rounds, by their names. */
export function byName(rounds: readonly Readonly<Record<string, number>>[]) {
  const figures = Map.groupBy(rounds.flatMap(Object.entries<number>), ([name]) => name);
  return Object.fromEntries(
    [...figures].map(([name, all]) => [name, all.map(([, value]) => value)]),
  );
}

/** Three significant digits. */
export function formatNumber(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return Math.abs(value) >= 10 ? value.toFixed(1).replace('.0', '') : value.toFixed(2);
}

/** Each load's share of the floor's speed, by the size of the database: flat is good. */
import type { Results } from '../results.ts';
import { median } from '../statistics.ts';
import { element, picture, text } from '../svg.ts';
import { Measured, steady, worstFarBack } from '../targets.ts';

export const title = 'As it grows: speed as a share of the floor, by messages in the database';

const width = 760;
const top = 110;
const bottom = 310;

/** One plot for each load: in a single plot, similar curves would hide each other. */
const panel = { left: 62, width: 122, step: 139, inset: 20 };

const loads = {
  post: 'post',
  newest: 'newest 50',
  list: 'list of chats',
  mixed: 'mixed',
  back: '50 far back',
};

interface Panel {
  readonly heading: string;
  readonly left: number;
  /** By the size of the database. */
  readonly values: readonly number[];
  /** The range in which the last value should be. */
  readonly target: readonly [from: number, to: number];
}

export function drawGrowth(results: Results): string {
  const panels = panelsOf(new Measured(results));
  const highest = Math.max(1, ...panels.flatMap(({ values }) => values));
  const y = (value: number) => bottom - (value / highest) * (bottom - top);
  const sizes = results.growth?.settings.sizes ?? [];
  return picture(
    { width, height: bottom + 92, title },
    text('the floor', { class: 'quiet', x: panel.left, y: y(1) - 7 }),
    ...[0, 0.25, 0.5, 0.75, 1].map((value) =>
      text(value.toFixed(2), {
        class: 'quiet',
        x: panel.left - 10,
        y: y(value) + 4,
        'text-anchor': 'end',
      }),
    ),
    ...panels.flatMap((each) => drawPanel(each, sizes, y)),
    text('messages in the database', { class: 'quiet', x: panel.left, y: bottom + 44 }),
    ...drawLegend(bottom + 72),
  );
}

function panelsOf(measured: Measured): Panel[] {
  const all = Object.entries(loads).map(([name, heading]) => {
    const load = `growth-${name}`;
    return { name, heading, values: measured.sizes.map((size) => share(measured, load, size)) };
  });
  const newest = all.find(({ name }) => name === 'newest')?.values.at(-1) ?? 0;
  return all
    .filter(({ name }) => measured.comparison(`growth-${name}`) !== undefined)
    .map(({ name, heading, values }, index) => ({
      heading,
      values,
      left: panel.left + index * panel.step,
      target: name === 'back' ? [newest / worstFarBack, 1] : around(values[0] ?? 0),
    }));
}

function share(measured: Measured, load: string, size: string): number {
  return median(measured.ratio(load, size, 'floor'));
}

/** The range of speeds; a lower cost is a higher speed. */
function around(value: number): [number, number] {
  return [value / steady.atMost, value / steady.atLeast];
}

function drawPanel(
  { heading, left, values, target: [from, to] }: Panel,
  sizes: readonly number[],
  y: (value: number) => number,
): string[] {
  const { width, inset } = panel;
  const right = left + width;
  const x = (column: number) =>
    left + inset + (column / Math.max(1, sizes.length - 1)) * (width - 2 * inset);
  const highest = Math.max(top, y(to));
  return [
    text(heading, { class: 'head', x: left, y: 72 }),
    ...[0, 0.25, 0.5, 0.75].map((value) =>
      element('path', { class: 'line', d: `M${left} ${y(value)}H${right}` }),
    ),
    element('rect', { class: 'band', x: left, y: highest, width, height: y(from) - highest }),
    element('path', { class: 'floor', d: `M${left} ${y(1)}H${right}` }),
    ...drawCurve(values.map((value, column) => ({ value, x: x(column), y: y(value) }))),
    ...sizes.map((size, column) =>
      text(compact(size), { class: 'tick', x: x(column), y: bottom + 20 }),
    ),
  ];
}

interface Point {
  readonly value: number;
  readonly x: number;
  readonly y: number;
}

function drawCurve(points: readonly Point[]): string[] {
  return [
    element('path', { class: 'curve', d: `M${points.map(({ x, y }) => `${x} ${y}`).join('L')}` }),
    ...points.flatMap(({ value, x, y }) => [
      element('circle', { class: 'dot', cx: x, cy: y, r: 4 }),
      text(value.toFixed(2), { class: 'figure tick', x, y: y + 22 }),
    ]),
  ];
}

function drawLegend(y: number): string[] {
  return [
    element('rect', { class: 'band', x: panel.left, y: y - 11, width: 22, height: 14 }),
    text('target: the same cost ±15 %; far back, at most twice the cost of the newest page', {
      class: 'quiet',
      x: panel.left + 30,
      y,
    }),
  ];
}

/** 10K, 1M. */
function compact(size: number): string {
  return size.toLocaleString('en', { notation: 'compact' });
}

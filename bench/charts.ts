/** The figures as pictures. */
import type { Results } from './results.ts';
import { median } from './statistics.ts';
import { element, picture, text } from './svg.ts';
import { Measured, targets } from './targets.ts';

const width = 760;

/** How near each load comes to the floor, and how near it should. */
export function drawRatios(results: Results): string {
  const measured = new Measured(results);
  const bars = targets
    .filter(({ unit }) => unit === '× the floor')
    .map(({ what, atLeast = 0, values }) => ({ what, atLeast, values: values(measured) }))
    .filter(({ values }) => values.length > 0)
    .map(({ what, atLeast, values }) => ({ what, atLeast, value: median(values) }));
  const bottom = 64 + bars.length * 36;
  const left = 290;
  const scale = (width - left - 70) / Math.max(1, ...bars.map(({ value }) => value));
  const x = (value: number) => left + value * scale;
  return picture(
    { width, height: bottom + 48, title: 'Speed as a share of doing nothing' },
    element('path', { class: 'line', d: `M${x(1)} 52V${bottom}` }),
    ...bars.flatMap(({ what, atLeast, value }, row) => {
      const y = 64 + row * 36;
      return [
        text(what, { x: left - 12, y: y + 16, 'text-anchor': 'end' }),
        element('rect', { class: 'bar', x: left, y, width: value * scale, height: 22, rx: 3 }),
        element('path', { class: 'target', d: `M${x(atLeast)} ${y - 4}v30` }),
        text(value.toFixed(2), { x: besideMark(x(value), x(atLeast)) + 8, y: y + 16 }),
      ];
    }),
    text('0', { class: 'quiet', x: left, y: bottom + 18, 'text-anchor': 'middle' }),
    text('the floor', { class: 'quiet', x: x(1), y: bottom + 18, 'text-anchor': 'middle' }),
    text('The upright marks are the targets.', { class: 'quiet', x: 24, y: bottom + 36 }),
  );
}

/** Where a bar's label begins: behind its end, or behind the mark where that would be struck. */
function besideMark(end: number, mark: number): number {
  return mark > end - 8 && mark < end + 44 ? mark : end;
}

/** Where the curves stand. */
const plot = { left: 64, right: 560, top: 64, bottom: 340 };

interface Curve {
  readonly title: string;
  readonly values: readonly number[];
}

/** The same for databases of different sizes; flat is good. */
export function drawGrowth(results: Results): string {
  const measured = new Measured(results);
  const { sizes } = measured;
  const curves = ['post', 'newest', 'back', 'list', 'mixed']
    .map((name) => ({ name, comparison: measured.comparison(`growth-${name}`) }))
    .filter(({ comparison }) => comparison !== undefined)
    .map(({ name, comparison }) => ({
      title: comparison?.title.split(',')[0] ?? name,
      values: sizes.map((size) => median(measured.ratio(`growth-${name}`, size, 'floor'))),
    }));
  const highest = Math.max(0.2, ...curves.flatMap(({ values }) => values));
  const x = (column: number) =>
    plot.left + (column / Math.max(1, sizes.length - 1)) * (plot.right - plot.left);
  const y = (value: number) => plot.bottom - (value / highest) * (plot.bottom - plot.top);
  return picture(
    { width, height: 400, title: 'Speed as a share of doing nothing, as the database grows' },
    ...grid(highest, y),
    ...sizes.map((size, column) =>
      text(size, { class: 'quiet', x: x(column), y: plot.bottom + 22, 'text-anchor': 'middle' }),
    ),
    text('messages', { class: 'quiet', x: plot.left, y: plot.bottom + 44 }),
    ...curves.flatMap((curve, colour) => drawCurve(curve, `c${colour}`, x, y)),
    ...drawLabels(curves, y),
  );
}

function grid(highest: number, y: (value: number) => number): string[] {
  const step = highest > 0.5 ? 0.2 : 0.05;
  const values = Array.from({ length: Math.floor(highest / step) + 1 }, (_, i) => i * step);
  return values.flatMap((value) => [
    element('path', { class: 'line', d: `M${plot.left} ${y(value)}H${plot.right}` }),
    text(value.toFixed(2), {
      class: 'quiet',
      x: plot.left - 10,
      y: y(value) + 4,
      'text-anchor': 'end',
    }),
  ]);
}

function drawCurve(
  { values }: Curve,
  colour: string,
  x: (column: number) => number,
  y: (value: number) => number,
): string[] {
  const points = values.map((value, column) => [x(column), y(value)] as const);
  return [
    element('path', {
      class: `curve ${colour}`,
      d: `M${points.map((point) => point.join(' ')).join('L')}`,
    }),
    ...points.map(([cx, cy]) => element('circle', { class: `dot ${colour}`, cx, cy, r: 4 })),
  ];
}

/** Beside the curves' ends, moved apart where they would overlap. */
function drawLabels(curves: readonly Curve[], y: (value: number) => number): string[] {
  let lowest = Number.POSITIVE_INFINITY;
  return curves
    .map(({ title, values }, colour) => ({ title, colour, at: y(values.at(-1) ?? 0) }))
    .sort((a, b) => b.at - a.at)
    .flatMap(({ title, colour, at }) => {
      lowest = Math.min(at, lowest - 18);
      return [
        element('circle', { class: `dot c${colour}`, cx: plot.right + 22, cy: lowest, r: 4 }),
        text(title, { x: plot.right + 34, y: lowest + 4 }),
      ];
    });
}

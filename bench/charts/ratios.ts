/** Each load's share of the floor's speed, and its target. */
import type { Results } from '../results.ts';
import { median, quantile } from '../statistics.ts';
import { element, picture, text } from '../svg.ts';
import { floor, isReached, Measured, targets } from '../targets.ts';

export const title = 'Speed as a share of the floor, a server that does nothing';

const width = 760;
const top = 92;
const rowHeight = 34;

/** The area of the bars, and the right edges of the columns of figures. */
const plot = { left: 280, right: 592 };
const columns = { measured: 682, target: 736 };

interface Row {
  readonly what: string;
  readonly target: number;
  readonly value: number;
  readonly quartiles: readonly [number, number];
  readonly isReached: boolean;
}

/** The x coordinate of a value. */
type Scale = (value: number) => number;

export function drawRatios(results: Results): string {
  const rows = rowsOf(results);
  const bottom = top + rows.length * rowHeight;
  const scale =
    (plot.right - plot.left) / Math.max(1, ...rows.map(({ quartiles }) => quartiles[1]));
  const x: Scale = (value) => plot.left + value * scale;
  return picture(
    { width, height: bottom + 62, title },
    ...drawHead(x),
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((value) => drawTick(value, x(value), bottom)),
    ...rows.flatMap((row, index) => drawRow(row, top + index * rowHeight, x)),
    ...drawLegend(bottom + 46),
  );
}

function rowsOf(results: Results): Row[] {
  const measured = new Measured(results);
  return targets
    .filter(({ unit }) => unit === floor)
    .map((target) => ({ target, values: target.values(measured) }))
    .filter(({ values }) => values.length > 0)
    .map(({ target, values }) => ({
      what: target.what,
      target: target.atLeast ?? 0,
      value: median(values),
      quartiles: [quantile(values, 0.25), quantile(values, 0.75)],
      isReached: isReached(target, median(values)),
    }));
}

function drawHead(x: Scale): string[] {
  const head = (content: string, at: number, anchor: string) =>
    text(content, { class: 'quiet', x: at, y: 72, 'text-anchor': anchor });
  return [
    head('the floor', x(1), 'end'),
    head('measured', columns.measured, 'end'),
    head('target', columns.target, 'end'),
  ];
}

function drawTick(value: number, x: number, bottom: number): string[] {
  return [
    element('path', { class: value === 1 ? 'floor' : 'line', d: `M${x} ${top - 12}V${bottom}` }),
    text(value.toFixed(2), { class: 'tick', x, y: bottom + 18 }),
  ];
}

function drawRow(row: Row, y: number, x: Scale): string[] {
  const { what, target, value, quartiles } = row;
  const middle = y + 11;
  const figure = (content: string, at: number, kind: string) =>
    text(content, { class: kind, x: at, y: y + 16, 'text-anchor': 'end' });
  const length = x(value) - plot.left;
  return [
    figure(what, plot.left - 12, 'label'),
    element('rect', { class: colourOf(row), x: plot.left, y, width: length, height: 22, rx: 2 }),
    element('path', { class: 'spread', d: `M${x(quartiles[0])} ${middle}H${x(quartiles[1])}` }),
    element('path', { class: 'target', d: `M${x(target)} ${y - 4}v30` }),
    figure(value.toFixed(2), columns.measured, 'figure'),
    figure(target.toFixed(2), columns.target, 'quiet'),
  ];
}

function colourOf(row: Pick<Row, 'isReached'>): string {
  return row.isReached ? 'bar' : 'bar missed';
}

function drawLegend(y: number): string[] {
  const swatch = (x: number, kind: string) =>
    element('rect', { class: kind, x, y: y - 10, width: 18, height: 11, rx: 2 });
  return [
    swatch(24, 'bar'),
    text('target reached', { class: 'quiet', x: 50, y }),
    swatch(162, 'bar missed'),
    text('not reached', { class: 'quiet', x: 188, y }),
    element('path', { class: 'target', d: `M286 ${y - 12}v15` }),
    text('target', { class: 'quiet', x: 294, y }),
    element('path', { class: 'spread', d: `M356 ${y - 4}h18` }),
    text('the middle half of all rounds', { class: 'quiet', x: 382, y }),
  ];
}

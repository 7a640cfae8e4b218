/** Figures as horizontal bars, each with its quartiles. */
import { formatNumber, median, quantile } from '../statistics.ts';
import { element, picture, text } from '../svg.ts';

export interface Bar {
  readonly label: string;
  /** One value for each round. */
  readonly values: readonly number[];
  /** Whether it belongs to another server, for comparison. */
  readonly isOther?: boolean;
}

const width = 760;
const top = 70;
const rowHeight = 34;

/** The area of the bars; the figures stand to the right of it. */
const plot = { left: 280, right: 660 };

/** @returns undefined if nothing was measured. */
export function drawBars(title: string, unit: string, all: readonly Bar[]): string | undefined {
  const bars = all.filter(({ values }) => values.length > 0);
  if (bars.length === 0) return undefined;
  const highest = Math.max(...bars.map(({ values }) => quantile(values, 0.75)));
  const x = (value: number) => plot.left + (value / highest) * (plot.right - plot.left);
  return picture(
    { width, height: top + bars.length * rowHeight + 20, title },
    text(`${unit}, less is better`, { class: 'quiet', x: 24, y: 54 }),
    ...bars.flatMap((bar, index) => drawBar(bar, top + index * rowHeight, x)),
  );
}

function drawBar({ label, values, isOther = false }: Bar, y: number, x: (value: number) => number) {
  const value = median(values);
  const [low, high] = [quantile(values, 0.25), quantile(values, 0.75)];
  const alignedRight = (content: string, right: number, kind: string) =>
    text(content, { class: kind, x: right, y: y + 16, 'text-anchor': 'end' });
  const size = { x: plot.left, y, width: x(value) - plot.left, height: 22, rx: 2 };
  return [
    alignedRight(label, plot.left - 12, 'label'),
    element('rect', { class: isOther ? 'bar other' : 'bar', ...size }),
    element('path', { class: 'spread', d: `M${x(low)} ${y + 11}H${x(high)}` }),
    alignedRight(formatNumber(value), width - 24, 'figure'),
  ];
}

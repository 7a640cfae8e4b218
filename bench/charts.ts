/** The charts of the figures. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as growth from './charts/growth.ts';
import * as message from './charts/message.ts';
import * as page from './charts/page.ts';
import * as pi from './charts/pi.ts';
import type { Results } from './results.ts';
import { Measured } from './targets.ts';

export interface Chart {
  readonly file: string;
  readonly title: string;
  readonly svg: string;
}

/** Draws every chart that has figures. */
export function drawCharts(results: Results): Chart[] {
  const measured = new Measured(results);
  const drawn = [
    { file: 'message.svg', title: message.title, svg: message.drawMessage(measured) },
    { file: 'page.svg', title: page.title, svg: page.drawPage(measured) },
    {
      file: 'growth.svg',
      title: growth.title,
      svg: results.growth && growth.drawGrowth(results),
    },
    { file: 'pi.svg', title: pi.title, svg: pi.drawPi(measured) },
  ];
  return drawn.flatMap(({ svg, ...chart }) => (svg === undefined ? [] : [{ ...chart, svg }]));
}

export function writeCharts(folder: string, charts: readonly Chart[]): void {
  for (const { file, svg } of charts) writeFileSync(join(folder, file), svg);
}

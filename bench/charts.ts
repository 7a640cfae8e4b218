/** The charts of the figures. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as growth from './charts/growth.ts';
import * as ratios from './charts/ratios.ts';
import type { Results } from './results.ts';

export interface Chart {
  readonly file: string;
  readonly title: string;
  readonly svg: string;
}

/** Draws every chart that has figures. */
export function drawCharts(results: Results): Chart[] {
  const charts: Chart[] = [
    { file: 'ratios.svg', title: ratios.title, svg: ratios.drawRatios(results) },
  ];
  if (results.growth !== undefined) {
    charts.push({ file: 'growth.svg', title: growth.title, svg: growth.drawGrowth(results) });
  }
  return charts;
}

export function writeCharts(folder: string, charts: readonly Chart[]): void {
  for (const { file, svg } of charts) writeFileSync(join(folder, file), svg);
}

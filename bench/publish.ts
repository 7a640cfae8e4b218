/** Writes the report and the charts beside the figures: `node bench/publish.ts`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawGrowth, drawRatios } from './charts.ts';
import { formatReport } from './report.ts';
import { type Results, readResults } from './results.ts';
import { readSettings } from './settings.ts';

export function publish(folder: string, results: Results): void {
  const write = (name: string, content: string) => writeFileSync(join(folder, name), content);
  write('report.md', formatReport(results));
  write('ratios.svg', drawRatios(results));
  if (results.growth !== undefined) write('growth.svg', drawGrowth(results));
}

if (import.meta.main) {
  const { results: folder } = readSettings(process.env);
  publish(folder, readResults(folder));
}
